"""What stands at an address: arrays on the device, values on the host."""

import ctypes
import weakref
from typing import Any

import numpy as np

from cublaslt_host.rules import require


class Memory:
    """Arrays by the addresses that they were asked for, as long as they live."""

    def __init__(self) -> None:
        self.arrays: dict[int, list[weakref.ref[np.ndarray]]] = {}

    def address(self, array: np.ndarray) -> int:
        """In the place of `kernels.cublaslt.product.address`."""
        require(array.flags.c_contiguous, "an array that is not C-contiguous")
        self.arrays.setdefault(array.ctypes.data, []).append(weakref.ref(array))
        return array.ctypes.data

    def at(self, address: int, size: int, dtype: str) -> np.ndarray:
        """``size`` elements from an address on."""
        alive = [a for ref in self.arrays.get(address, []) if (a := ref()) is not None]
        fitting = [a for a in alive if a.dtype == dtype and a.size >= size]
        require(bool(fitting), f"no {dtype} array of {size} elements lives at {address:#x}")
        return fitting[0].reshape(-1)[:size]


def value(at: int, size: int, dtype: np.dtype) -> Any:
    """The value in the host's memory at an address."""
    require(size == dtype.itemsize, f"{size} bytes where {dtype.itemsize} are set")
    return np.frombuffer(ctypes.string_at(at, size), dtype)[0].item()
