"""CUDA kernels on a CPU: unedited ``.cu`` files and CuPy's expressions through g++."""

import shutil
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cuda_host.elementwise import ElementwiseKernel
from cuda_host.namespace import LaunchError, RawModule, Stream, capturing, launched
from cuda_host.reduction import ReductionKernel
from mnist_core.arrays import Space
from mnist_core.backends import Backend, kernels_in
from mnist_core.operators import Array

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


class HostCupy:
    """The namespace: CuPy's classes where they differ from NumPy, NumPy's functions elsewhere."""

    RawModule = RawModule
    ElementwiseKernel = ElementwiseKernel
    ReductionKernel = ReductionKernel
    cuda = SimpleNamespace(
        Device=lambda: SimpleNamespace(compute_capability="90"),
        Stream=Stream,
        get_current_stream=Stream,
    )

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if capturing() and callable(found) and not isinstance(found, type):
            raise LaunchError(f"{name} while a stream is captured: a graph would not hold it")
        return found


class HostSpace(Space):
    """NumPy arrays that pass for a GPU's."""

    def __init__(self) -> None:
        super().__init__(HostCupy(), "cuda")

    def round_to_grid(self, array: Array, bits: int) -> None:
        """As elsewhere, but work of the device: a graph captures it."""
        launched(lambda: super(HostSpace, self).round_to_grid(array, bits))


def host_backend(name: str, *packages: str) -> Backend:
    """A backend of the kernels in packages, then of array code, run by the host's launcher.

    Skips the test that asks for it where there is no compiler.
    """
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    parts = [part for package in packages for part in kernels_in(package)()]
    parts += kernels_in("kernels.array.operators")()
    return Backend(name, space=HostSpace, kernels=parts)
