"""Array API strict as an array space: arrays on a device that NumPy cannot reach.

Also a plug-in: ``mnist-bench verify --plugin tests/strict_space.py --backend strict``.
"""

from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np

from mnist_core.arrays import Space
from mnist_core.backends import Backend, kernels_in

# Of the devices that the package mimics, the one without the CPU's privileges.
DEVICE, HOST = array_api_strict.Device("device1"), array_api_strict.Device("CPU_DEVICE")

CREATION = ("asarray", "empty", "eye", "full", "ones", "zeros")
WITH_OUT = (
    "add", "divide", "exp", "greater", "log", "matmul", "max", "maximum", "minimum", "multiply",
    "subtract", "take",
)  # fmt: skip


def _write(out: Any, result: Any) -> None:
    if result.shape != out.shape:
        raise ValueError(f"out has shape {out.shape}, the result {result.shape}")
    out[...] = array_api_strict.astype(result, out.dtype)


class StrictNamespace:
    """array_api_strict plus the things in which NumPy and CuPy go beyond the standard.

    They make arrays on the current device, their functions write into ``out``, and they call two
    functions by names of their own. Whatever else is asked of it comes from array_api_strict as it
    is, or does not exist.
    """

    def __getattr__(self, name: str) -> Any:
        function = getattr(array_api_strict, name)
        if name in CREATION:
            return lambda *args, **kwargs: function(*args, device=DEVICE, **kwargs)
        return _with_out(function) if name in WITH_OUT else function

    @staticmethod
    def rint(array: Any, out: Any) -> Any:
        """NumPy's and CuPy's name for rounding half to even."""
        _write(out, array_api_strict.round(array))
        return out

    @staticmethod
    def copyto(out: Any, array: Any, casting: str = "same_kind") -> None:
        """NumPy's and CuPy's name for a conversion into an array that exists."""
        _write(out, array)


def _with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, out: Any, **kwargs: Any) -> Any:
        _write(out, function(*args, **kwargs))
        return out

    return call


class StrictSpace(Space):
    """Strict arrays on a device of their own; the host sees them only through the copies here."""

    def __init__(self) -> None:
        super().__init__(StrictNamespace(), "strict")

    def to_device(self, host: np.ndarray) -> Any:
        """Copy of a host array on the device."""
        return array_api_strict.asarray(np.array(host, order="C"), device=DEVICE)

    def to_host(self, array: Any) -> np.ndarray:
        """Copy of a device array on the host."""
        return np.array(np.from_dlpack(array.to_device(HOST)), order="C")

    def take_rows(self, array: Any, index: Any, out: Any) -> None:
        """out = array[index], converted to out's dtype."""
        self.xp.take(array, index, axis=0, out=out)


strict = Backend(
    "strict",
    space=StrictSpace,
    kernels=kernels_in("kernels.array.operators"),
    driven="the array code under array-api-strict, on a device that NumPy cannot reach",
)
