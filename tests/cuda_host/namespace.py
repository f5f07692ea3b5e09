"""CuPy's way to compile, launch and capture: kernels meant for a GPU run on the CPU."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cuda_host import build

FORWARD, BACKWARD = 0, 1
"""Orders of threads and blocks; any other number is the seed of a random one."""


class LaunchError(Exception):
    """What a GPU would have done wrong without a word."""


class RawModule:
    """As `cupy.RawModule`: compiles when a function is asked for."""

    order = FORWARD

    def __init__(self, code: str, options: tuple[str, ...] = ()) -> None:
        self.code, self.options = code, options

    def get_function(self, name: str) -> Callable[..., None]:
        """The kernel of that name: ``function(grid, block, args)``."""
        return RawKernel(build.library(self.code, self.options), name)


class RawKernel:
    """As `cupy.RawKernel`: arguments are arrays or NumPy scalars of the parameter's size."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.name = name
        self._launch = getattr(library, f"launch_{name}")
        self._launch.restype = ctypes.c_char_p
        sizes = getattr(library, f"sizes_{name}")
        sizes.restype = ctypes.POINTER(ctypes.c_int)
        self._sizes = sizes()

    def __call__(
        self, grid: Sequence[int], block: Sequence[int], args: Sequence[Any], shared_mem: int = 0
    ) -> None:
        if shared_mem:
            raise LaunchError(f"{self.name}: dynamic shared memory is not emulated")
        self._limits(grid, block)
        launched(lambda: self._run(grid, block, args))

    def _limits(self, grid: Any, block: Any) -> None:
        """Refuse what a GPU or CuPy would."""
        if type(grid) is not tuple or type(block) is not tuple:
            raise LaunchError(f"{self.name}: grid and block must be tuples")
        if np.prod(block) > 1024 or any(n > 65_535 for n in grid[1:]) or min(*grid, *block) < 1:
            raise LaunchError(f"{self.name}: no GPU takes grid {grid} of blocks {block}")

    def _run(self, grid: Sequence[int], block: Sequence[int], args: Sequence[Any]) -> None:
        held = [_held(arg) for arg in args]
        self._check([h.bytes for h in held])
        pointers = (ctypes.c_void_p * len(held))(*[h.address for h in held])
        fault = self._launch(_three(grid), _three(block), pointers, ctypes.c_uint(RawModule.order))
        for h in held:
            h.give_back()
        if fault:
            raise LaunchError(f"{self.name}: {fault.decode()}")

    def _check(self, passed: list[int]) -> None:
        wanted = []
        while self._sizes[len(wanted)]:
            wanted.append(self._sizes[len(wanted)])
        if passed != wanted:
            raise LaunchError(f"{self.name}: arguments of {passed} bytes where it takes {wanted}")


def _three(size: Sequence[int]) -> Any:
    return (ctypes.c_uint * 3)(*size, *[1] * (3 - len(size)))


class _Scalar:
    def __init__(self, value: np.generic) -> None:
        self.kept = np.array(value)
        self.address, self.bytes = self.kept.ctypes.data, value.nbytes

    def give_back(self) -> None:
        pass


class _Array:
    bytes = ctypes.sizeof(ctypes.c_void_p)

    def __init__(self, array: np.ndarray) -> None:
        self.pointer = ctypes.c_void_p(array.ctypes.data)
        self.address = ctypes.addressof(self.pointer)

    def give_back(self) -> None:
        pass


_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p


class _GuardedArray(_Array):
    """A copy in memory of its own size, so that the sanitizer sees a step beyond it."""

    def __init__(self, array: np.ndarray) -> None:
        super().__init__(array)
        self.original, self.pointer = array, ctypes.c_void_p(_libc.malloc(array.nbytes))
        self.address = ctypes.addressof(self.pointer)
        ctypes.memmove(self.pointer, array.ctypes.data, array.nbytes)

    def give_back(self) -> None:
        ctypes.memmove(self.original.ctypes.data, self.pointer, self.original.nbytes)
        _libc.free(self.pointer)


def _held(arg: Any) -> _Scalar | _Array:
    if isinstance(arg, np.generic):
        return _Scalar(arg)
    if not isinstance(arg, np.ndarray):
        raise LaunchError(f"{type(arg).__name__} is neither an array nor a NumPy scalar")
    if not arg.flags.c_contiguous:
        raise LaunchError("an array that is not C-contiguous")
    return _GuardedArray(arg) if build.sanitizing() else _Array(arg)


# Streams and graphs: what is launched while a stream is captured is kept, and run by the graph.

_captured: list[Callable[[], None]] | None = None


def capturing() -> bool:
    """Whether a stream is being captured."""
    return _captured is not None


def launched(work: Callable[[], None]) -> None:
    """Work asked of the device: done at once, or kept by the graph that is being captured."""
    if _captured is None:
        work()
    else:
        _captured.append(work)


class Stream:
    """As `cupy.cuda.Stream`, as far as capturing goes."""

    ptr = 0

    def __init__(self, non_blocking: bool = False) -> None:
        self.captured: list[Callable[[], None]] = []

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def begin_capture(self) -> None:
        global _captured
        _captured = self.captured = []

    def end_capture(self) -> "Graph":
        global _captured
        _captured = None
        return Graph(self.captured)


class Graph:
    """As `cupy.cuda.Graph`."""

    def __init__(self, work: list[Callable[[], None]]) -> None:
        self.work = work

    def launch(self, stream: Stream | None = None) -> None:
        for item in self.work:
            item()
