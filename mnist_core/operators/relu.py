"""relu: z -> out = max(z, 0). relu_backward: out, grad -> dz = grad where out > 0, else 0."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS

_SHAPES = ((1, 1), (1, 10), (3, 7), (97, 128), (128, 64), (1000, 33))


def _relu_inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for shape in _SHAPES:
        z = values.heavy_tailed(rng, *shape)
        z.flat[:: max(1, z.size // 5)] = 0.0
        yield Case((z,), note=values.batch_note(shape[0]))
        yield Case((z * 1e-30,), note=f"tiny values, {values.batch_note(shape[0])}")
    yield Case((-values.positive(rng, 97, 128),), note="all negative")


def _relu_workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    for width in sizes[1:-1] or sizes[-1:]:
        yield Case((values.normal(rng, batch, width),), note="one step")


relu = Operator(
    "relu",
    reference=lambda z: np.maximum(z, 0),
    inputs=_relu_inputs,
    workload=_relu_workload,
    flops=lambda z: (z.size,),
    equal=("out",),
    grids={"z": ACTIVATION_BITS},
)


def _backward_reference(out: HostArray, grad: HostArray) -> Any:
    return np.where(out > 0, grad, 0)


def _backward_inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for case in _relu_inputs(rng):
        out = np.maximum(case.inputs[0], 0)
        yield Case((out, values.heavy_tailed(rng, *out.shape)), note=case.note)


def _backward_workload(
    sizes: Sequence[int], batch: int, rng: np.random.RandomState
) -> Iterator[Case]:
    for case in _relu_workload(sizes, batch, rng):
        out = np.maximum(case.inputs[0], 0)
        yield Case((out, values.normal(rng, *out.shape)), note=case.note)


relu_backward = Operator(
    "relu_backward",
    reference=_backward_reference,
    inputs=_backward_inputs,
    workload=_backward_workload,
    outputs=("dz",),
    flops=lambda out, grad: (grad.size,),
    equal=("dz",),
    grids={"out": ACTIVATION_BITS, "grad": GRADIENT_BITS},
)
