"""Where arrays live: the few things that array libraries do not do alike."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from mnist_core.operators import Array, HostArray


class Space:
    """Arrays of one library on one device; this class itself is for NumPy on the host.

    Parameters
    ----------
    xp
        The library's namespace: numpy, cupy, or one with the same functions.
    device
        "cpu" or "cuda", as kernels declare it.
    """

    def __init__(self, xp: ModuleType | Any = np, device: str = "cpu") -> None:
        self.xp = xp
        self.device = device
        self._scratch: dict[tuple[Any, ...], Array] = {}

    def empty(self, shape: tuple[int, ...], dtype: str) -> Array:
        """Uninitialised array of the given shape and dtype name."""
        return self.xp.empty(shape, dtype=getattr(self.xp, dtype))

    def to_device(self, host: HostArray) -> Array:
        """Copy of a host array."""
        return np.array(host, order="C")

    def to_host(self, array: Array) -> HostArray:
        """Copy of an array on the host."""
        return np.array(array, order="C")

    def synchronize(self) -> None:
        """Wait until all work asked of the device is done."""

    def mark(self) -> Any:
        """A point in the device's queue of work, or None where host and device are one."""
        return None

    def seconds_between(self, start: Any, end: Any) -> float:
        """Seconds of the device's own clock between two points that it has passed."""
        raise NotImplementedError(f"{self.device} has no clock of its own")

    def take_rows(self, array: Array, index: Array, out: Array) -> None:
        """out = array[index], converted to out's dtype."""
        if array.dtype == out.dtype:
            # Any mode but the default writes straight into out; the index is known to be valid.
            self.xp.take(array, index, axis=0, out=out, mode="clip")
            return
        rows = self.scratch("rows", out.shape, array.dtype)
        self.xp.take(array, index, axis=0, out=rows, mode="clip")
        self.xp.copyto(out, rows)

    def assign(self, out: Array, array: Array) -> None:
        """out = array, converted to out's dtype: what has decimals loses them for an integer."""
        self.xp.copyto(out, array, casting="unsafe")

    def round_to_grid(self, array: Array, bits: int) -> None:
        """Round to multiples of 2**-bits in place, half to even; powers of two scale exactly."""
        xp = self.xp
        xp.multiply(array, 2.0**bits, out=array)
        xp.rint(array, out=array)
        xp.multiply(array, 2.0**-bits, out=array)

    def scratch(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """Working memory for a kernel: allocated at the first call, then the same each time.

        ``dtype`` is the library's own, as arrays carry it: its name would cost microseconds.
        """
        return self.constant((name, shape, dtype), lambda: self.xp.empty(shape, dtype=dtype))

    def scratch_like(self, name: str, array: Array) -> Array:
        """Working memory in the shape and dtype of ``array``."""
        return self.scratch(name, array.shape, array.dtype)

    def scratch_column(self, name: str, array: Array) -> Array:
        """Working memory for one value a row of ``array``, as a column."""
        return self.scratch(name, (array.shape[0], 1), array.dtype)

    def constant(self, key: tuple[Any, ...], make: Callable[[], Array]) -> Array:
        """Array made by ``make`` at the first call with this key, kept for all later ones."""
        found = self._scratch.get(key)
        if found is None:
            found = self._scratch[key] = make()
        return found
