"""Whatever keeps a GPU from being used is one line with its remedy."""

import ctypes
from functools import cache
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_host import HostSpace
from cuda_host.namespace import LaunchError, launched

from kernels.array import cuda
from kernels.array.cuda import no_cuda
from kernels.cuda.capture import captured
from mnist_core import registry
from mnist_core.errors import described


class Driver:
    """A CUDA driver with so many devices, for a version of CUDA."""

    def __init__(self, devices: int = 1, version: int = 13000, error: int = 0) -> None:
        self.devices, self.version, self.error = devices, version, error

    def cuInit(self, flags: int) -> int:
        return self.error

    def cuDeviceGetCount(self, count: ctypes.Array) -> int:
        count._obj.value = self.devices
        return 0

    def cuDriverGetVersion(self, version: ctypes.Array) -> int:
        version._obj.value = self.version
        return 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Set what a machine has: its driver, its CuPy packages, whether there is a compiler."""

    monkeypatch.setattr(cuda, "_packages", cache(cuda._packages.__wrapped__))

    def made(driver: Driver | None, *packages: str, compiler: bool = True) -> None:
        monkeypatch.setattr(cuda, "_driver", lambda: driver)
        found = [SimpleNamespace(name=name) for name in ("numpy", *packages)]
        monkeypatch.setattr(metadata, "distributions", lambda: found)
        cuda._packages.cache_clear()
        none = None if compiler else "CuPy finds no compiler (NVRTC): pip install"
        monkeypatch.setattr(cuda, "_no_compiler", lambda name: none)

    return made


def test_a_machine_that_has_everything(machine) -> None:
    machine(Driver(), "cupy-cuda13x")
    assert no_cuda() is None


def test_no_driver(machine) -> None:
    machine(None, "cupy-cuda13x")
    assert no_cuda() == "no CUDA device: no driver is installed"


def test_no_device(machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    machine(Driver(error=100), "cupy-cuda13x")
    assert no_cuda() == "no CUDA device: the driver shows none (error 100); see nvidia-smi"
    machine(Driver(devices=0), "cupy-cuda13x")
    assert no_cuda().startswith("no CUDA device: the driver shows none")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_devices_that_are_hidden(machine, hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    machine(Driver(devices=0), "cupy-cuda13x")
    assert no_cuda() == "no CUDA device: CUDA_VISIBLE_DEVICES hides all; unset it"


def test_no_cupy_and_two_of_it(machine) -> None:
    machine(Driver())
    assert no_cuda() == "CuPy is not installed: pip install 'mnist-bench[cuda12]' (or cuda13)"
    machine(Driver(), "cupy-cuda13x", "cupy-cuda12x")
    assert no_cuda() == (
        "cupy-cuda12x and cupy-cuda13x are installed and overwrite each other: "
        "pip uninstall all but one"
    )


def test_driver_older_than_the_toolkit(machine) -> None:
    machine(Driver(version=12040), "cupy-cuda13x")
    assert no_cuda() == "the driver is for CUDA 12.4, cupy-cuda13x for 13: renew one of them"
    machine(Driver(version=12040), "cupy-cuda12x")
    assert no_cuda() is None
    machine(Driver(version=12040), "cupy")  # built from source: it knows itself what it needs
    assert no_cuda() is None


def test_no_compiler(machine) -> None:
    machine(Driver(), "cupy-cuda13x", compiler=False)
    assert no_cuda() == "CuPy finds no compiler (NVRTC): pip install"


def test_the_compiler_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pathfinder = pytest.importorskip("cuda.pathfinder")

    def found(name: str) -> None:
        if name != "nvrtc":
            raise AssertionError(name)

    def missing(name: str) -> None:
        raise pathfinder.DynamicLibNotFoundError("libnvrtc.so.13")

    monkeypatch.setattr(pathfinder, "load_nvidia_dynamic_lib", found)
    assert cuda._no_compiler("cupy-cuda13x") is None
    monkeypatch.setattr(pathfinder, "load_nvidia_dynamic_lib", missing)
    said = "CuPy finds no compiler (NVRTC): pip install 'cupy-cuda13x[ctk]'"
    assert cuda._no_compiler("cupy-cuda13x") == said


def test_every_backend_on_the_gpu_gives_the_reason(machine) -> None:
    machine(None)
    on_gpu = [b for b in registry.backends().values() if b.name.startswith("cupy")]
    assert len(on_gpu) >= 3
    assert {b.unavailable() for b in on_gpu} == {"no CUDA device: no driver is installed"}


def test_memory_that_runs_out_is_a_line_with_its_remedy() -> None:
    class OutOfMemoryError(Exception):
        """As CuPy's is called."""

    full = OutOfMemoryError("Out of memory allocating 1,024 bytes (allocated so far: 8 bytes).")
    said = described(full)
    assert said.startswith("OutOfMemoryError: Out of memory allocating 1,024 bytes")
    assert "the GPU's memory is full: try a smaller --batch" in said
    assert "try a smaller --batch" in described(MemoryError())


def test_a_capture_that_fails_says_why_and_ends() -> None:
    space = HostSpace()

    def failing() -> None:
        raise OSError("no such kernel")

    with pytest.raises(OSError, match="no such kernel"):
        captured(space, failing)
    with pytest.raises(LaunchError, match="matmul while a stream is captured"):
        captured(space, lambda: space.xp.matmul(np.eye(2), np.eye(2)))
    done = []
    captured(space, lambda: launched(lambda: done.append(1))).launch()
    assert done == [1]
