"""Training by register tiles: the same bits on any number of threads, and nothing that hangs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_core import operators, registry
from mnist_core.backends import Kernel
from mnist_core.network import Network
from mnist_core.numerics.operator_check import check_operator
from mnist_core.precision import FLOAT32, FLOAT64, Precision

pytest.importorskip("numba")

BACKENDS = ("numba", "numba-sparse")
WATCHDOG_S = 120
CLOSE = 1e-6
"""Two epochs of 9 steps: roundoff of float32 and no more."""


def run(*options: str, **environment: str) -> list[str]:
    """Lines that tests/numba_training.py prints; it must not take long."""
    result = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "numba_training.py"), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=WATCHDOG_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split("\n")[:-1]


def digest_of(*options: str, **environment: str) -> str:
    """SHA-256 of the weights, which are close to NumPy's."""
    sha, distance = run(*options, **environment)[0].split()
    assert float(distance) < CLOSE
    return sha


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_number_of_threads_gives_the_same_bits(backend: str) -> None:
    """Also where some have no tile, no word, no image."""
    digests = {digest_of("--backend", backend, "--ranks", ranks) for ranks in ("1", "2", "11")}
    assert len(digests) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="nothing can be pinned here")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_process_that_is_pinned_later_waits_for_no_thread_that_cannot_run(backend: str) -> None:
    free, pinned = run("--backend", backend, "--pin", NUMBA_NUM_THREADS="2")
    assert pinned == f"{free.split()[0]} 1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_forked_process_trains_as_its_parent_does(backend: str) -> None:
    first, child, parent = run("--fork", "--backend", backend, NUMBA_NUM_THREADS="2")
    assert {child, parent} == {first.split()[0]}


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_threads_may_train_at_once(backend: str) -> None:
    first, *others = run("--at-once", "--backend", backend, NUMBA_NUM_THREADS="2")
    assert set(others) == {first.split()[0]}


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_other_processors_train_alike(backend: str) -> None:
    """Without vectors beyond SSE2 or NEON there may be no fused multiply-add, and other bits."""
    digest_of("--backend", backend, NUMBA_CPU_NAME="generic")
    host = digest_of("--backend", backend)
    if "avx2" in Path("/proc/cpuinfo").read_text():
        features = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
        assert digest_of("--backend", backend, **features) == host


RUNGS = ("tiled", "fused", "four-rows", "blocks", "rows", "sums")


def test_the_rungs_are_all_there_are() -> None:
    kernels = registry.backend("numba").parts
    found = {k.name for k in kernels if isinstance(k, Kernel) and k.operator is operators.dense}
    assert found == {*RUNGS, "blocked"}


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda p: p.name)
@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_of_dense_is_right(rung: str, precision: Precision) -> None:
    backend = registry.backend(f"numba[dense={rung}]").computing_in(precision)
    cases = list(operators.dense.inputs(np.random.RandomState(0)))
    check = check_operator(backend, operators.dense, precision, cases)
    assert check.passed, check.detail


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_busy_pool_of_another_library_changes_nothing(backend: str) -> None:
    """NumPy's own threads run between the epochs; both wait by spinning, and neither hangs."""
    assert digest_of("--backend", backend, "--products") == digest_of("--backend", backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_size_of_a_chunk_changes_no_bit(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kernels.numba_cpu.tiled import epoch as tiled
    from kernels.numba_cpu.zero_skipping import epoch as zero_skipping

    monkeypatch.setattr(zero_skipping, "WORTH_IT", np.inf)
    rng = np.random.RandomState(0)
    images = rng.randint(0, 256, (500, 30)).astype(np.uint8)
    images[rng.uniform(size=images.shape) < 0.9] = 0
    labels, order = rng.randint(0, 4, 500).astype(np.int64), rng.permutation(500)
    found = []
    for chunk in (1000, 64, 7):
        monkeypatch.setattr(tiled, "CHUNK", chunk)
        monkeypatch.setattr(zero_skipping, "CHUNK", chunk)
        network = Network((30, 20, 4), registry.backend(backend))
        losses = network.epoch(images, labels, order, 200, 0.1).copy()
        found.append((losses, network.parameters))
    for losses, parameters in found[1:]:
        np.testing.assert_array_equal(losses, found[0][0])
        np.testing.assert_array_equal(parameters, found[0][1])
