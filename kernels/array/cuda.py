"""Where CuPy's arrays live, and why they cannot live here."""

import ctypes
import importlib.util
from typing import Any

from mnist_core.arrays import Space
from mnist_core.operators import Array, HostArray

_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")


def _device_count() -> int:
    """CUDA devices that the driver shows; 0 without a driver."""
    for library in _LIBRARIES:
        try:
            driver = ctypes.CDLL(library)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0


def no_cuda() -> str | None:
    """Reason why CuPy cannot be used here, or None; the device comes before the package."""
    if _device_count() == 0:
        return "no CUDA device"
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed: pip install 'mnist-bench[cuda12]' (or cuda13)"
    return None


class CupySpace(Space):
    """CuPy arrays on the current CUDA device."""

    def __init__(self) -> None:
        import cupy

        super().__init__(cupy, "cuda")

    def to_device(self, host: HostArray) -> Array:
        """Copy of a host array on the device."""
        return self.xp.asarray(host, order="C")

    def to_host(self, array: Array) -> HostArray:
        """Copy of a device array on the host."""
        host: Any = array.get(order="C")
        return host  # type: ignore[no-any-return]

    def synchronize(self) -> None:
        """Wait for the current stream."""
        self.xp.cuda.get_current_stream().synchronize()

    def mark(self) -> Any:
        """An event in the current stream."""
        event = self.xp.cuda.Event()
        event.record()
        return event

    def seconds_between(self, start: Any, end: Any) -> float:
        """Seconds between two events; CUDA gives milliseconds."""
        return float(self.xp.cuda.get_elapsed_time(start, end)) / 1e3

    def take_rows(self, array: Array, index: Array, out: Array) -> None:
        """out = array[index], converted to out's dtype."""
        rows = out if array.dtype == out.dtype else self.scratch("rows", out.shape, array.dtype)
        self.xp.take(array, index, axis=0, out=rows)
        if rows is not out:
            self.xp.copyto(out, rows)
