"""What keeps a peer from running here, found without importing it."""

import os
import shutil
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

Check = Callable[[], str | None]


def first(*checks: Check) -> Check:
    """A check that gives the first reason that any of ``checks`` has, or None."""
    return lambda: next((reason for check in checks if (reason := check())), None)


def no_torch() -> str | None:
    """Reason why PyTorch cannot be used, or None."""
    if find_spec("torch") is None:
        return "PyTorch is not installed: pip install 'mnist-bench[peers]'"
    return None


def no_torch_cuda() -> str | None:
    """Reason why the PyTorch that is installed cannot use a GPU, or None."""
    spec = find_spec("torch")
    libraries = Path(spec.origin).parent / "lib" if spec and spec.origin else Path()
    if not any(libraries.glob("*torch_cuda*")):
        return "PyTorch for CUDA is not installed: see https://pytorch.org/get-started/locally"
    return None


def no_compiler() -> str | None:
    """Reason why ``torch.compile`` cannot compile what it generates, or None."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        return f"the C++ compiler {compiler} is not installed (Debian: g++)"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "Python.h is not installed (Debian: python3-dev)"
    return None


def no_jax() -> str | None:
    """Reason why JAX cannot be used, or None."""
    if find_spec("jax") is None:
        return "JAX is not installed: pip install 'mnist-bench[peers]'"
    return None


def no_jax_cuda() -> str | None:
    """Reason why the JAX that is installed cannot use a GPU, or None."""
    if not any(find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
        return "JAX for CUDA is not installed: pip install 'jax[cuda12]' (or cuda13)"
    return None
