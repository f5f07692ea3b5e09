"""dense: x (batch, in), w (in, out), b (out,) -> out (batch, out) = activation(x w + b)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.precision import ACTIVATION_BITS, WEIGHT_BITS, bits_needed

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda z: np.maximum(z, 0),
    "linear": lambda z: z,
}


def _reference(x: HostArray, w: HostArray, b: HostArray, *, activation: str) -> Any:
    return ACTIVATIONS[activation](x @ w + b)


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for i, (batch, n_in, n_out) in enumerate(values.PRODUCT_SHAPES):
        activation = ("linear", "relu")[i % 2]
        note = f"{batch}x{n_in}x{n_out}, {values.batch_note(batch)}"
        for draw in (values.normal, values.positive, values.heavy_tailed):
            x, w, b = draw(rng, batch, n_in), draw(rng, n_in, n_out), draw(rng, n_out)
            yield Case((x, w, b), {"activation": activation}, note)
        whole = (
            values.ternary(rng, n_in, batch, n_in),
            values.integers(rng, n_in, n_out),
            values.integers(rng, n_out),
        )
        for activation in ACTIVATIONS:
            yield Case(whole, {"activation": activation}, f"integer probe, {note}", exact=True)


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    for n_in, n_out, activation in values.layer_shapes(sizes):
        x, w = values.positive(rng, batch, n_in), values.normal(rng, n_in, n_out)
        yield Case((x, w, values.normal(rng, n_out)), {"activation": activation}, "one step")


dense = Operator(
    "dense",
    reference=_reference,
    inputs=_inputs,
    workload=_workload,
    flops=lambda x, w, b: (2 * len(x) * w.size + 2 * len(x) * b.size,),
    reduction=lambda x, w, b: (len(w) + 1,),
    # A sum of products is as accurate as its terms are large, not as its result is.
    scale=lambda x, w, b, activation: np.abs(x) @ np.abs(w) + np.abs(b),
    grids={"x": ACTIVATION_BITS, "w": WEIGHT_BITS, "b": WEIGHT_BITS},
    exact_bits=lambda x, w, b, activation: bits_needed(x, w, ACTIVATION_BITS, WEIGHT_BITS, b),
    factors=("x", "w"),
)
