"""Launching what stands in a ``.cu`` file: compiled when it is first needed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.cuda.source import least_architecture, options, source
from mnist_core.arrays import Space
from mnist_core.errors import BackendError, described

Array = Any
Size = tuple[int, ...]
Launcher = Callable[[Size, Size, tuple[Any, ...]], None]

LAST_INDEX = 2**31 - 1


def function(space: Space, file: str, name: str, real: Any) -> Launcher:
    """A function of a file for arrays of dtype ``real``, called with grid, block and arguments.

    Raises
    ------
    BackendError
        If it cannot be compiled, or the GPU is older than it needs.
    """
    return space.constant(("cuda", file, name, real), lambda: _compiled(space, file, name, real))


def _compiled(space: Space, file: str, name: str, real: Any) -> Launcher:
    least, found = least_architecture(file), int(space.xp.cuda.Device().compute_capability)
    if found < least:
        raise BackendError(f"{file} needs a GPU of sm_{least} or later; this is sm_{found}")
    try:
        module = space.xp.RawModule(code=source(file), options=options(real.name))
        launcher: Launcher = module.get_function(name)
    except Exception as error:
        raise BackendError(f"{file} cannot be compiled: {described(error)}") from error
    return launcher


def counts(*numbers: int) -> tuple[np.int32, ...]:
    """Numbers as kernels take them; `BackendError` if one does not fit an int."""
    if max(numbers) > LAST_INDEX:
        raise BackendError(f"{max(numbers)} elements are more than a 32-bit index reaches")
    return tuple(map(np.int32, numbers))


def blocks(n: int, per_block: int) -> int:
    """Blocks that n things take."""
    return -(-n // per_block)
