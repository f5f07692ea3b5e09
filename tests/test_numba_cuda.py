"""Kernels in Python for CUDA: run by Numba's simulator and compiled to PTX, on any machine."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import kernels.numba_cuda
from mnist_core import operators, registry
from mnist_core.precision import EXACT

SIMULATED = Path(__file__).with_name("simulated_cuda.py")

KERNELS = {"dense": "tiled", "relu": "grid-stride", "softmax_cross_entropy": "thread-per-row"}

needs_numba_cuda = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)


# Who serves what, and where


def test_backend_has_kernels_for_some_operators_and_the_rest_from_cupy() -> None:
    backend = registry.backend("numba-cuda")
    assert backend.base == "cupy"
    for operator in operators.BUILTIN:
        expected = KERNELS.get(operator.name, "array")
        assert backend.kernel_for(operator).name == expected
    exact = backend.computing_in(EXACT)
    assert exact.kernel_for(operators.dense).name == "tiled"
    # A table in place of the exponential: another operator, which is left to CuPy.
    assert exact.kernel_for(operators.softmax_cross_entropy).name == "exact"


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = registry.backend("numba-cuda")
    monkeypatch.setattr(kernels.numba_cuda, "no_cuda", lambda: "no CUDA device")
    assert backend.unavailable() == "no CUDA device"
    monkeypatch.setattr(kernels.numba_cuda, "no_cuda", lambda: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert backend.unavailable() == (
        "numba-cuda is not installed: pip install 'mnist-bench[cuda12]' (or cuda13)"
    )


@needs_numba_cuda
@pytest.mark.parametrize(("pointer", "stream"), [(0, 0), (1234, "stream 1234")])
def test_launches_go_to_cupys_stream_and_wait_for_nothing(
    pointer: int, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kernels.numba_cuda import launch

    class Kernel:
        def __getitem__(self, configuration: Any) -> Any:
            return lambda *views: calls.append((configuration, views))

    calls: list[Any] = []
    current = SimpleNamespace(ptr=pointer)
    xp = SimpleNamespace(cuda=SimpleNamespace(get_current_stream=lambda: current))
    numbas = SimpleNamespace(
        external_stream=lambda pointer: f"stream {pointer}",
        as_cuda_array=lambda array, sync: (array, sync),
    )
    monkeypatch.setattr(launch, "cuda", numbas)
    launch.launch(SimpleNamespace(device="cuda", xp=xp), Kernel(), 3, 32, "x", "out")
    assert calls == [((3, 32, stream), (("x", False), ("out", False)))]


# In the simulator


@pytest.fixture(scope="module")
def simulated() -> dict[str, Any]:
    """Every check of the simulator, by name."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, str(SIMULATED)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    return {check["shown"]: check for check in checks}


@needs_numba_cuda
@pytest.mark.parametrize("precision", ["float32", "float64", "exact"])
@pytest.mark.parametrize("operator", ["dense", "relu"])
def test_simulated_kernels_are_right(
    operator: str, precision: str, simulated: dict[str, Any]
) -> None:
    check = simulated[f"{operator} {precision}"]
    assert check["passed"], check["detail"]
    assert check["detail"].startswith(f"{KERNELS[operator]}: ")


@needs_numba_cuda
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_simulated_loss_is_right(precision: str, simulated: dict[str, Any]) -> None:
    check = simulated[f"softmax_cross_entropy {precision}"]
    assert check["passed"], check["detail"]
    assert check["detail"].startswith("thread-per-row: ")


@needs_numba_cuda
def test_nan_stays_nan(simulated: dict[str, Any]) -> None:
    assert simulated["NaN"]["passed"], simulated["NaN"]["detail"]


@needs_numba_cuda
def test_wrong_kernels_are_refused(simulated: dict[str, Any]) -> None:
    wrong = {name: check for name, check in simulated.items() if name.startswith("wrong: ")}
    assert len(wrong) == 7
    for name, check in wrong.items():
        assert not check["passed"], name
        assert re.search("differs from the reference|NaN or infinity|IndexError", check["detail"])


# Compiled


def compiled(function: Any, signature: tuple[Any, ...], capability: tuple[int, int]) -> str:
    """PTX of a kernel, which takes NVVM but neither a driver nor a device."""
    from cuda.pathfinder import DynamicLibNotFoundError
    from numba import cuda

    try:
        return cuda.compile_ptx(function.py_func, signature, cc=capability)[0]
    except DynamicLibNotFoundError:
        pytest.skip("no NVVM: pip install --group cuda-compilers")


@needs_numba_cuda
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("capability", [(7, 5), (9, 0)], ids=["sm_75", "sm_90"])
def test_kernels_compile_without_a_device(capability: tuple[int, int], dtype: str) -> None:
    import numba

    from kernels.numba_cuda.operators import dense, relu, softmax_cross_entropy

    number = getattr(numba, dtype)
    line, rows, labels = number[::1], number[:, ::1], numba.int64[::1]
    for function, signature in (
        (dense._DENSE["relu"], (rows, rows, line, rows)),
        (dense._DENSE["linear"], (rows, rows, line, rows)),
        (relu._relu, (line, line)),
        (softmax_cross_entropy._softmax_cross_entropy, (rows, labels, line, rows)),
    ):
        ptx = compiled(function, signature, capability)
        assert f".target sm_{capability[0]}{capability[1]}" in ptx
        assert ".local" not in ptx, "nothing may live in a thread's own memory, off the chip"
        # Python's numbers are float64, and one of them makes a whole expression so.
        assert dtype == "float64" or ".f64" not in ptx
