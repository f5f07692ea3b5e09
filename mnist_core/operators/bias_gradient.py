"""bias_gradient: grad (batch, out) -> db (out,), its sum over the batch."""

from collections.abc import Iterator, Sequence

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, Operator
from mnist_core.precision import GRADIENT_BITS, bits_needed


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for batch in (*values.BATCHES, 60_000):
        for width in (10, 33):
            note = values.batch_note(batch)
            for draw in (values.normal, values.positive, values.heavy_tailed):
                yield Case((draw(rng, batch, width),), note=note)
            whole = values.ternary(rng, batch, batch, width) * 4095
            yield Case((whole,), note=f"integer probe, {note}", exact=True)


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    for width in sizes[1:]:
        yield Case((values.normal(rng, batch, width) / batch,), note="one step")


bias_gradient = Operator(
    "bias_gradient",
    reference=lambda grad: grad.sum(axis=0),
    inputs=_inputs,
    workload=_workload,
    outputs=("db",),
    flops=lambda grad: (grad.size,),
    reduction=lambda grad: (len(grad),),
    scale=lambda grad: np.abs(grad).sum(axis=0),
    grids={"grad": GRADIENT_BITS},
    exact_bits=lambda grad: bits_needed(np.ones((1, len(grad))), grad, 0, GRADIENT_BITS),
)
