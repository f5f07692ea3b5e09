"""Where CuPy's arrays live, and why they cannot live here."""

import ctypes
import os
import re
from functools import cache
from importlib import metadata
from typing import Any

from mnist_core.arrays import Space
from mnist_core.operators import Array, HostArray

_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")
_CUPY = re.compile(r"cupy(-cuda(\d+)x|-rocm.*)?")


def no_cuda() -> str | None:
    """Reason why CuPy cannot be used here and the remedy, or None; the device comes first."""
    driver = _driver()
    if driver is None:
        return "no CUDA device: no driver is installed"
    reason = _no_device(driver)
    return _no_cupy(driver) if reason is None else reason


def _driver() -> ctypes.CDLL | None:
    for library in _LIBRARIES:
        try:
            return ctypes.CDLL(library)
        except OSError:
            continue
    return None


def _no_device(driver: ctypes.CDLL) -> str | None:
    count = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if not failed and count.value:
        return None
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "no CUDA device: CUDA_VISIBLE_DEVICES hides all; unset it"
    return f"no CUDA device: the driver shows none (error {failed}); see nvidia-smi"


@cache
def _packages() -> list[str]:
    """Names of the CuPy packages that are installed; found once, since all others are looked at."""
    return sorted({d.name for d in metadata.distributions() if _CUPY.fullmatch(d.name or "")})


def _no_cupy(driver: ctypes.CDLL) -> str | None:
    installed = _packages()
    if not installed:
        return "CuPy is not installed: pip install 'mnist-bench[cuda12]' (or cuda13)"
    if len(installed) > 1:
        both = " and ".join(installed)
        return f"{both} are installed and overwrite each other: pip uninstall all but one"
    (name,) = installed
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    wanted = _CUPY.fullmatch(name)[2]
    if wanted and version.value // 1000 < int(wanted):
        has = f"{version.value // 1000}.{version.value % 1000 // 10}"
        return f"the driver is for CUDA {has}, {name} for {wanted}: renew one of them"
    return _no_compiler(name)


def _no_compiler(name: str) -> str | None:
    """Reason why CuPy could not compile: it looks for NVRTC as the pathfinder does."""
    try:
        from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib
    except ImportError:
        return None
    try:
        load_nvidia_dynamic_lib("nvrtc")
    except DynamicLibNotFoundError:
        return f"CuPy finds no compiler (NVRTC): pip install '{name}[ctk]'"
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
