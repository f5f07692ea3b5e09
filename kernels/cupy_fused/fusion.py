"""Kernels that CuPy writes around an expression: made when they are first needed."""

from collections.abc import Callable
from typing import Any

from mnist_core.arrays import Space

Fused = Callable[[Space], Callable[..., Any]]
"""Gives the kernel that a space's namespace makes: called with inputs, then outputs."""


def elementwise(name: str, inputs: str, outputs: str, operation: str) -> Fused:
    """A kernel that does ``operation`` for each element, as `cupy.ElementwiseKernel`."""
    key = ("cupy_fused", name)
    return lambda space: space.constant(
        key, lambda: space.xp.ElementwiseKernel(inputs, outputs, operation, name)
    )


def reduction(
    name: str, inputs: str, outputs: str, *, each: str, combine: str, result: str, identity: str
) -> Fused:
    """A kernel that combines what ``each`` gives along an axis, as `cupy.ReductionKernel`."""
    key = ("cupy_fused", name)
    return lambda space: space.constant(
        key,
        lambda: space.xp.ReductionKernel(inputs, outputs, each, combine, result, identity, name),
    )
