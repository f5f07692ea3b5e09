"""Peers: certified as any backend is, on the network's own memory, and missing with a reason."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import write_data
from threadpoolctl import threadpool_limits

from bench.suite import computed_by
from bench.worker import Worker
from kernels.peers import missing
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.network import Network
from mnist_core.numerics import certify
from mnist_core.numerics.certificate import check_training
from mnist_core.numerics.course import plan_course
from mnist_core.precision import FLOAT32, FLOAT64, Precision
from mnist_core.training import DeviceData

ON_CPU = ("torch", "torch-compile", "jax")
ON_GPU = ("torch-cuda", "torch-compile-cuda", "torch-graph-cuda", "jax-cuda")
DEEP = (784, 128, 64, 10)


def usable(name: str) -> Backend:
    """The peer of that name; where it cannot run, the test that asks is skipped."""
    reason = registry.backend(name).unavailable()
    if reason is not None:
        pytest.skip(f"peers are not installed: {name}: {reason}")
    return registry.backend(name)


# What is missing: these need no framework


def test_neither_importing_nor_asking_imports_a_framework() -> None:
    code = """
import sys, kernels.peers
from mnist_core.backends import Backend
peers = [value for value in vars(kernels.peers).values() if isinstance(value, Backend)]
print(len([peer.unavailable() for peer in peers]), {"torch", "jax"} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"{1 + len(ON_CPU) + len(ON_GPU)} set()"


@pytest.mark.parametrize(
    ("name", "framework"), [("torch", "PyTorch"), ("torch-compile", "PyTorch"), ("jax", "JAX")]
)
def test_a_framework_that_is_missing_is_named_with_the_remedy(
    name: str, framework: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing, "find_spec", lambda package: None)
    wanted = f"{framework} is not installed: pip install 'mnist-bench[peers]'"
    assert registry.backend(name).unavailable() == wanted


@pytest.mark.parametrize("name", ON_GPU)
def test_without_a_gpu_its_peers_say_so_whatever_is_installed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels.array.cuda._driver", lambda: None)
    assert (registry.backend(name).unavailable() or "").startswith("no CUDA device: ")


def test_frameworks_for_the_cpu_alone_are_told_from_those_for_cuda(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    found = {"torch": SimpleNamespace(origin=str(tmp_path / "__init__.py"))}
    monkeypatch.setattr(missing, "find_spec", found.get)
    assert "PyTorch for CUDA is not installed" in (missing.no_torch_cuda() or "")
    assert "pip install 'jax[cuda12]'" in (missing.no_jax_cuda() or "")
    (tmp_path / "lib" / "libtorch_cuda.so").touch()
    found["jax_cuda13_plugin"] = found["torch"]
    assert missing.no_torch_cuda() is None
    assert missing.no_jax_cuda() is None


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert (
        missing.no_compiler() == "the C++ compiler no-such-compiler is not installed (Debian: g++)"
    )


# The same training


def certified(peer: Backend, sizes: tuple[int, ...], batch: int, data: Dataset, lr: float) -> None:
    certificate = certify(peer, sizes, batch, FLOAT32, data, lr=lr)
    assert certificate.passed, certificate.reason


# Compiling takes longer than everything else here.
COMPILED = pytest.param("torch-compile", marks=pytest.mark.long)


@pytest.mark.parametrize("name", ["torch", "jax", COMPILED])
def test_a_peer_is_certified(name: str, small_digits: Dataset) -> None:
    peer = usable(name)
    with threadpool_limits(1):
        certified(peer, (784, 10), 32, small_digits, 0.3)


@pytest.mark.parametrize("name", ["torch", "jax", COMPILED])
def test_a_peer_trains_a_deep_network_on_all_threads(name: str, small_digits: Dataset) -> None:
    peer = usable(name)
    course = plan_course(DEEP, 128, FLOAT32, small_digits, 0.125, 0)
    checks = list(check_training(peer, course, 0))
    assert [check.name for check in checks if check.passed] == ["step", "epoch", "deterministic"]


@pytest.mark.long
@pytest.mark.parametrize("name", ON_CPU)
@pytest.mark.parametrize(
    ("sizes", "batch", "lr"),
    [
        (DEEP, 128, 0.125),
        (DEEP, 1, 0.01),
        ((784, 1, 10), 7, 0.25),
        ((784, 40, 30, 20, 10), 33, 0.3),
    ],
    ids=str,
)
def test_a_peer_is_certified_whatever_it_trains(
    name: str, sizes: tuple[int, ...], batch: int, lr: float, small_digits: Dataset
) -> None:
    certified(usable(name), sizes, batch, small_digits, lr)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("name", ON_GPU)
def test_a_peer_on_a_gpu_is_certified(name: str, small_digits: Dataset) -> None:
    certified(usable(name), DEEP, 128, small_digits, 0.125)


def networks(
    peer: Backend, data: Dataset, sizes: tuple[int, ...], precision: Precision = FLOAT32
) -> Iterator[tuple[Network, DeviceData]]:
    """The network on NumPy and on the peer, each with the images."""
    for backend in (registry.backend("numpy"), peer):
        network = Network(sizes, backend, precision=precision)
        yield network, DeviceData.load(network, data.train_images, data.train_labels)


Run = Callable[[Network, DeviceData], Any]


def assert_alike(peer: Backend, data: Dataset, run: Run, precision: Precision = FLOAT32) -> None:
    """Check that what ``run`` returns, and the weights after it, are NumPy's up to rounding."""
    results = []
    for network, device in networks(peer, data, (784, 16, 10), precision):
        losses = np.array(run(network, device))
        results.append([losses, *(p for pair in network.get_parameters() for p in pair)])
    for own, theirs in zip(*results, strict=True):
        assert theirs.dtype == own.dtype
        np.testing.assert_allclose(theirs, own, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", ["torch", "jax"])
@pytest.mark.parametrize(
    ("images", "batch"), [(70, 32), (64, 32), (20, 32), (33, 32), (1, 1)], ids=str
)
def test_an_epoch_ends_with_a_partial_batch(
    name: str, images: int, batch: int, small_digits: Dataset
) -> None:
    order = np.arange(2000)[::-7][:images].copy()

    def epoch(network: Network, data: DeviceData) -> Any:
        return network.epoch(data.images, data.labels, order, batch, 0.1)

    assert_alike(usable(name), small_digits, epoch)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_what_changes_between_calls_is_seen(name: str, small_digits: Dataset) -> None:
    def run(network: Network, data: DeviceData) -> Any:
        initial, order = network.get_parameters(), np.arange(40)
        network.epoch(data.images, data.labels, order, 16, 0.5)
        network.set_parameters([(w / 2, b + 1) for w, b in initial])
        losses = [np.array(network.epoch(data.images, data.labels, order, 16, 0.1))]
        others = data.images[::-1].copy(), data.labels[::-1].copy()
        losses.append(np.array(network.step(*others, order[:24], 0.1)))
        losses.append(np.array(network.epoch(*others, order, 24, 0.05)))
        return np.concatenate(losses)

    assert_alike(usable(name), small_digits, run)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_float64_is_trained_in_float64(name: str, small_digits: Dataset) -> None:
    def epoch(network: Network, data: DeviceData) -> Any:
        return network.epoch(data.images, data.labels, np.arange(50), 32, 0.1)

    with threadpool_limits(1):
        results = [
            np.array(epoch(*pair))
            for pair in networks(usable(name), small_digits, (784, 16, 10), FLOAT64)
        ]
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_peers_are_timed_at_what_they_take_over() -> None:
    assert computed_by(usable("torch")) == ["epoch", "step", "fused"]
    assert computed_by(usable("jax")) == ["epoch"]


# Threads


def test_limits_on_threads_reach_pytorch() -> None:
    assert usable("torch").parts  # loaded, as they are before any thread is limited
    import torch

    for threads in (1, 2):
        with threadpool_limits(threads):
            assert torch.get_num_threads() == threads


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_jax_has_as_many_threads_as_its_worker_is_given(
    small_digits: Dataset, tmp_path: Path
) -> None:
    usable("jax")
    job = {"backend": "jax", "plugins": [], "kernels": {}, "threads": 3, "lr": 0.1, "seed": 0}
    data = str(write_data(tmp_path, small_digits))
    case = {"level": "epoch", "operator": None, "network": [784, 10], "batch": 500}
    worker = Worker(job | {"data": data, "precision": "float32"})
    try:
        worker.ask("compile", case=case)
        tasks = Path(f"/proc/{worker._process.pid}/task").glob("*/comm")
        assert sum(task.read_text().startswith("tf_XLA") for task in tasks) == 3
    finally:
        worker.close()


# A CUDA graph, without a GPU


@pytest.fixture
def simulated_graphs(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The peer of CUDA graphs on the CPU: a replay computes what was captured once more."""
    usable("torch")
    from cuda_graph import simulate

    from kernels.peers import pytorch

    simulate(monkeypatch)
    return Backend("torch-graph", base="numpy", kernels=pytorch.take_overs("graph"), role="peer")


def test_a_replayed_graph_trains_as_the_reference_does(
    simulated_graphs: Backend, small_digits: Dataset
) -> None:
    with threadpool_limits(1):
        certified(simulated_graphs, (784, 16, 10), 33, small_digits, 0.3)


def test_graphs_are_captured_anew_for_other_sizes_rates_and_images(
    simulated_graphs: Backend, small_digits: Dataset
) -> None:
    def run(network: Network, data: DeviceData) -> Any:
        order, found = np.arange(40), []
        for images, batch, lr in ((data.images, 16, 0.1), (data.images[::-1].copy(), 20, 0.2)):
            for _ in range(2):
                found.append(np.array(network.epoch(images, data.labels, order, batch, lr)))
                found.append(np.array(network.step(images, data.labels, order[5:21], lr)))
        return np.concatenate(found)

    assert_alike(simulated_graphs, small_digits, run)
