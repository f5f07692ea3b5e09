"""CUDA kernels on a CPU: unedited ``.cu`` files through g++ and a launcher shaped like CuPy's."""

import shutil

import pytest

from cuda_host.namespace import HostCupy, launched
from mnist_core.arrays import Space
from mnist_core.backends import Backend, kernels_in
from mnist_core.operators import Array

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


class HostSpace(Space):
    """NumPy arrays that pass for a GPU's."""

    def __init__(self) -> None:
        super().__init__(HostCupy(), "cuda")

    def round_to_grid(self, array: Array, bits: int) -> None:
        """As elsewhere, but work of the device: a graph captures it."""
        launched(lambda: super(HostSpace, self).round_to_grid(array, bits))


def host_backend(name: str, *packages: str) -> Backend:
    """A backend of the kernels in packages, then of array code, run by the host's launcher."""
    parts = [part for package in packages for part in kernels_in(package)()]
    parts += kernels_in("kernels.array.operators")()
    return Backend(name, space=HostSpace, kernels=parts)
