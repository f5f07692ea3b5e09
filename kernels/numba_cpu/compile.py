"""How every kernel here is compiled, and where the result is kept for the next process."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba import config, njit

Function = Callable[..., Any]


@cache
def _folder() -> Path:
    """A folder for this state of the sources.

    Numba asks only whether the file of a function has changed, not what the function calls.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    here = Path(__file__).parent
    for path in sorted(here.rglob("*.py")):
        digest.update(path.relative_to(here).as_posix().encode() + path.read_bytes())
    given = config.CACHE_DIR  # NUMBA_CACHE_DIR
    base = Path(given) if given else platformdirs.user_cache_path("mnist-bench") / "numba"
    return base / digest.hexdigest()[:16]


@cache
def _can_be_kept() -> bool:
    """Whether the folder can be written to: Numba would else keep code where it may grow stale."""
    try:
        _folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(_folder(), os.W_OK)


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Compile for the types of a call and keep it on disk, where there is a disk to write to.

    Division is NumPy's, since a check for zero would keep loops from vectorising; no fast-math,
    which would let NaN and the order of sums go astray.
    """

    def compile(function: Function) -> Function:
        before, config.CACHE_DIR = config.CACHE_DIR, str(_folder())
        try:
            return njit(function, cache=_can_be_kept(), error_model="numpy", **options)
        finally:
            config.CACHE_DIR = before

    return compile
