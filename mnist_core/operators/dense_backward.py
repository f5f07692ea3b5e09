"""dense_backward: gradients of dense with respect to its weight, bias and input.

x (batch, in), w (in, out), out (batch, out) as dense left it, grad (batch, out) of the loss with
respect to it -> dw (in, out), db (out,), dx (batch, in). The first layer needs no dx and passes
None for it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS, WEIGHT_BITS, bits_needed


def through_activation(out: HostArray, grad: HostArray, activation: str) -> Any:
    """Gradient before the activation, from the gradient after it and the activation's output."""
    return np.where(out > 0, grad, 0) if activation == "relu" else grad


def _reference(
    x: HostArray, w: HostArray, out: HostArray, grad: HostArray, *, activation: str
) -> Any:
    g = through_activation(out, grad, activation)
    return x.T @ g, g.sum(axis=0), g @ w.T


def _scale(x: HostArray, w: HostArray, out: HostArray, grad: HostArray, activation: str) -> Any:
    g = np.abs(through_activation(out, grad, activation))
    return np.abs(x).T @ g, g.sum(axis=0), g @ np.abs(w).T


def _exact_bits(
    x: HostArray, w: HostArray, out: HostArray, grad: HostArray, activation: str
) -> float:
    g = through_activation(out, grad, activation)
    return max(
        bits_needed(x.T, g, ACTIVATION_BITS, GRADIENT_BITS),
        bits_needed(np.ones((1, len(g))), g, 0, GRADIENT_BITS),
        bits_needed(g, w.T, GRADIENT_BITS, WEIGHT_BITS),
    )


def _case(
    x: HostArray, w: HostArray, grad: HostArray, rng: np.random.RandomState, **more: Any
) -> Case:
    activation = more.pop("activation")
    out = values.normal(rng, *grad.shape)
    if activation == "relu":
        out = np.maximum(out, 0)
    return Case((x, w, out, grad), {"activation": activation}, **more)


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for i, (batch, n_in, n_out) in enumerate(values.PRODUCT_SHAPES):
        note = f"{batch}x{n_in}x{n_out}, {values.batch_note(batch)}"
        skip = frozenset({"dx"} if i % 3 == 2 else ())
        for activation, draw in (("linear", values.heavy_tailed), ("relu", values.normal)):
            x, w, grad = draw(rng, batch, n_in), draw(rng, n_in, n_out), draw(rng, batch, n_out)
            yield _case(x, w, grad, rng, activation=activation, note=note, skip=skip)
        for activation in ("linear", "relu"):
            x, w = values.integers(rng, batch, n_in), values.integers(rng, n_in, n_out)
            grad = values.ternary(rng, max(batch, n_out), batch, n_out)
            note_probe = f"integer probe, {note}"
            yield _case(x, w, grad, rng, activation=activation, note=note_probe, exact=True)


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    for i, (n_in, n_out, activation) in enumerate(values.layer_shapes(sizes)):
        x, w = values.positive(rng, batch, n_in), values.normal(rng, n_in, n_out)
        grad = values.normal(rng, batch, n_out) / batch
        skip = frozenset({"dx"} if i == 0 else ())
        yield _case(x, w, grad, rng, activation=activation, note="one step", skip=skip)


def _flops(x: HostArray, w: HostArray, out: HostArray, grad: HostArray) -> tuple[int, int, int]:
    product = 2 * len(x) * w.size
    return product + grad.size, grad.size, product


dense_backward = Operator(
    "dense_backward",
    reference=_reference,
    inputs=_inputs,
    workload=_workload,
    outputs=("dw", "db", "dx"),
    flops=_flops,
    reduction=lambda x, w, out, grad: (len(x), len(x), grad.shape[1]),
    scale=_scale,
    grids={"x": ACTIVATION_BITS, "w": WEIGHT_BITS, "out": ACTIVATION_BITS, "grad": GRADIENT_BITS},
    exact_bits=_exact_bits,
    factors=("x", "w", "grad"),
)
