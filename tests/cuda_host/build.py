"""Compiling a ``.cu`` text with g++ behind cuda.h, kept by the hash of all that goes into it."""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

HERE = Path(__file__).parent
KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\(")
FLAGS = (
    "-std=c++17", "-g", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra",
    "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-function", "-Wno-unused-parameter", f"-I{HERE}",
)  # fmt: skip
PLAIN = ("-O2",)
SANITIZED = (
    "-O1", "-fsanitize=address,bounds-strict,alignment,null", "-fno-sanitize-recover=all",
    "-fsanitize-sections=cuda_shared", "-fno-omit-frame-pointer",
)  # fmt: skip
SANITIZE = "CUDA_HOST_SANITIZE"


class CompileError(Exception):
    """What g++ said."""


def sanitizing() -> bool:
    """Whether this process was started for the sanitizers."""
    return os.environ.get(SANITIZE) == "1"


@cache
def library(code: str, options: tuple[str, ...]) -> ctypes.CDLL:
    """The compiled text, loaded."""
    launchers = "".join(f"CUDA_HOST_KERNEL({name})\n" for name in KERNEL.findall(code))
    headers = "".join(f'#include "{name}.h"\n' for name in ("cuda", "functions", "tensor_cores"))
    text = f"{headers}{code}\n{launchers}"
    macros = tuple(option for option in options if option.startswith("-D"))
    return ctypes.CDLL(str(_made(text, ".so", ("-shared", *macros), _runtime())))


def _runtime() -> Path:
    return _made((HERE / "runtime.cpp").read_text(), ".o", ("-c",))


def _made(text: str, suffix: str, more: tuple[str, ...], *linked: Path) -> Path:
    """The file that g++ makes of a text, from the cache if it is there."""
    flags = (*FLAGS, *(SANITIZED if sanitizing() else PLAIN), *more)
    headers = "".join(path.read_text() for path in sorted(HERE.glob("*.h")))
    inputs = [text, headers, *flags, *(path.name for path in linked)]
    digest = hashlib.sha256("\0".join(inputs).encode()).hexdigest()
    path = platformdirs.user_cache_path("mnist-bench") / "cuda_host" / f"{digest}{suffix}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _compile(text, [*flags, *map(str, linked)], path)
    return path


def _compile(text: str, flags: list[str], path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        raise CompileError("g++ is not installed")
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "text.cpp", Path(folder) / path.name
        source.write_text(text)
        command = [compiler, str(source), *flags, "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise CompileError(done.stderr)
        # Complete when it gets its name: another process may be making the same.
        partial = path.with_suffix(f".{os.getpid()}")
        shutil.copy(made, partial)
        partial.replace(path)
