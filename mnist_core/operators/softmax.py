"""softmax: logits (batch, classes) -> probabilities (batch, classes); rows sum to one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.exp_table import ENTRIES, exp_table
from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS, to_grid


def shifted(logits: HostArray) -> HostArray:
    """Logits less their row's maximum: no exponential of them overflows."""
    return np.asarray(logits - logits.max(axis=1, keepdims=True))


def probabilities(logits: HostArray) -> HostArray:
    """Softmax of each row."""
    e = np.exp(shifted(logits))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def probability_scale(logits: HostArray) -> Any:
    """Size of the rounding error of `probabilities`, elementwise, in units of roundoff.

    exp turns the absolute error of its argument z, about |z| roundoffs, into a relative one. A
    normal number's width is added because results below it lose bits that training never sees.
    """
    tiny = np.finfo(np.float32 if logits.dtype == np.float64 else np.float64).tiny
    return probabilities(logits) * (1 + np.abs(shifted(logits))) + tiny


def exact_exponentials(logits: HostArray) -> HostArray:
    """exp of the logits less their row's maximum, from the table; logits on their grid."""
    index = -shifted(logits) * 2**ACTIVATION_BITS
    index = np.where(index < ENTRIES - 1, index, ENTRIES - 1)  # NaN has no entry of its own
    return np.asarray(exp_table()[index.astype(np.int64)])


def exact_probabilities(logits: HostArray) -> HostArray:
    """Softmax of each row in exact precision: a correctly rounded division, then the grid."""
    e = exact_exponentials(logits)
    return to_grid(e / e.sum(axis=1, keepdims=True), GRADIENT_BITS)


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for batch in values.BATCHES:
        for classes in (10, 2, 33):
            for note, logits in values.logits(rng, batch, classes):
                yield Case((logits,), note=f"{note}, {values.batch_note(batch)}")


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    yield Case((values.normal(rng, batch, sizes[-1]) * 5,), note="one step")


softmax = Operator(
    "softmax",
    reference=probabilities,
    inputs=_inputs,
    workload=_workload,
    flops=lambda logits: (5 * logits.size,),
    reduction=lambda logits: (logits.shape[1],),
    scale=probability_scale,
    exact=exact_probabilities,
    grids={"logits": ACTIVATION_BITS},
)
