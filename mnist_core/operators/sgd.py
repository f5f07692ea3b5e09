"""sgd: param (n,), grad (n,) -> param - lr * grad, in place."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS, WEIGHT_BITS


def _reference(param: HostArray, grad: HostArray, *, lr: float) -> Any:
    return param - param.dtype.type(lr) * grad


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for size in (1, 7, 33, 1000, 109_386):
        for lr in (0.1, 0.5, 1e-3):
            param, grad = values.heavy_tailed(rng, size), values.heavy_tailed(rng, size)
            yield Case((param, grad), {"lr": lr}, note=f"{size} parameters, lr {lr}")
        whole = (values.integers(rng, size), values.integers(rng, size))
        yield Case(whole, {"lr": 0.5}, note=f"integer probe, {size} parameters", exact=True)


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    size = sum((n_in + 1) * n_out for n_in, n_out, _ in values.layer_shapes(sizes))
    # A tiny rate, so that a timed loop of updates does not run into infinity.
    case = (values.normal(rng, size), values.normal(rng, size))
    yield Case(case, {"lr": 1e-6}, note="one step")


sgd = Operator(
    "sgd",
    reference=_reference,
    inputs=_inputs,
    workload=_workload,
    outputs=("param",),
    flops=lambda param, grad: (2 * param.size,),
    scale=lambda param, grad, lr: np.abs(param) + np.abs(lr * grad),
    grids={"param": WEIGHT_BITS, "grad": ACTIVATION_BITS + GRADIENT_BITS},
)
