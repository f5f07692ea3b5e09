"""Training by register tiles: the same bits on any number of threads, and nothing that hangs."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core import operators, registry
from mnist_core.arrays import Space
from mnist_core.backends import Backend, Kernel
from mnist_core.network import Network
from mnist_core.numerics.operator_check import check_operator
from mnist_core.operators.operator import Case, Operator
from mnist_core.precision import FLOAT32, FLOAT64, Precision

pytest.importorskip("numba")

BACKENDS = ("numba", "numba-sparse")
WATCHDOG_S = 120
CLOSE = 1e-6
"""Two epochs of 9 steps: roundoff of float32 and no more."""


rng = np.random.RandomState


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
KERNELS = [*(("dense", rung) for rung in RUNGS), *(("dense_backward", k) for k in RUNGS[:2])]


@pytest.mark.parametrize("name", ["dense", "dense_backward"])
def test_the_rungs_are_all_there_are_and_register_tiles_come_first(name: str) -> None:
    operator = registry.operator(name)
    kernels = registry.backend("numba").parts
    found = [k.name for k in kernels if isinstance(k, Kernel) and k.operator is operator]
    assert set(found) == {*(rung for of, rung in KERNELS if of == name), "blocked"}
    assert found[0] == "tiled"


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda p: p.name)
@pytest.mark.parametrize(("name", "rung"), KERNELS)
def test_every_rung_is_right(name: str, rung: str, precision: Precision) -> None:
    backend = registry.backend(f"numba[{name}={rung}]").computing_in(precision)
    operator = registry.operator(name)
    check = check_operator(backend, operator, precision, list(operator.inputs(rng(0))))
    assert check.passed, check.detail


RAGGED = ((700, 71, 37), (600, 20, 130), (257, 17, 300), (1, 600, 500), (300, 1, 2000))
"""(batch, n_in, n_out), each enough for two ranks or more: blocks and vectors that are not whole,
ranks that have no part.
"""


def outputs_of(case: Case, operator: Operator, backend: Backend) -> list[Any]:
    """What a backend makes of the case in float32, over NaN; None for what is left out."""
    inputs = case.rounded("float32")
    wanted = operator.reference(*inputs, **case.attributes)
    outputs = [
        None if name in case.skip else np.full_like(a, np.nan)
        for name, a in zip(operator.outputs, wanted, strict=True)
    ]
    getattr(backend, operator.name)(*inputs, *outputs, **case.attributes)
    return outputs


def ragged_cases(name: str) -> list[Case]:
    """Of every shape a case, the last layer's and a hidden one's in turn."""
    cases = []
    for i, (batch, n_in, n_out) in enumerate(RAGGED):
        draw = rng(i)
        x, w = draw.standard_normal((batch, n_in)), draw.standard_normal((n_in, n_out))
        how = {"activation": ("relu", "linear")[i % 2]}
        if name == "dense":
            cases.append(Case((x, w, draw.standard_normal(n_out)), how))
        else:
            out, grad = draw.standard_normal((2, batch, n_out))
            cases += [Case((x, w, out, grad), how, skip=s) for s in (set(), {"dx"})]
    return cases


def with_memory_of_its_own() -> Backend:
    """The backend numba as a process finds it: no scratch memory has been made yet."""
    return Backend("fresh", space=Space, kernels=registry.backend("numba").parts)


@pytest.mark.parametrize("name", ["dense", "dense_backward"])
def test_an_operator_gives_the_same_bits_on_any_number_of_threads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numba

    from kernels.numba_cpu.tiled import team

    found = []
    for ranks in (1, 2, 7):
        monkeypatch.setattr(team, "usable_cpus", lambda ranks=ranks: ranks)
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", ranks)
        backend = with_memory_of_its_own()
        found.append(
            [outputs_of(case, registry.operator(name), backend) for case in ragged_cases(name)]
        )
    for other in found[1:]:
        for outputs, first in zip(other, found[0], strict=True):
            for a, b in zip(outputs, first, strict=True):
                np.testing.assert_array_equal(a, b)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_gradients_of_any_shape_are_sums_of_all_their_terms(data: st.DataObject) -> None:
    """In whole numbers, where no sum rounds; the scratch memory of a shape has seen other ones."""
    batch = data.draw(st.integers(1, 40) | st.integers(250, 530), "batch")
    n_in, n_out = data.draw(st.integers(1, 70), "n_in"), data.draw(st.integers(1, 40), "n_out")
    draw = rng(data.draw(st.integers(0, 9), "seed"))
    x, w = draw.randint(-9, 9, (batch, n_in)), draw.randint(-9, 9, (n_in, n_out))
    out, grad = draw.randint(-1, 2, (batch, n_out)), draw.randint(-9, 9, (batch, n_out))
    how = {"activation": data.draw(st.sampled_from(["relu", "linear"]), "activation")}
    skip = frozenset(data.draw(st.sampled_from([(), ("dx",)]), "skip"))
    case = Case(tuple(a.astype(float) for a in (x, w, out, grad)), how, skip=skip)
    found = outputs_of(case, operators.dense_backward, registry.backend("numba"))
    wanted = operators.dense_backward.reference(*case.inputs, **how)
    for a, b in zip(found, wanted, strict=True):
        if a is not None:
            np.testing.assert_array_equal(a, b)


def test_what_diverged_leaves_nothing_behind_for_the_next_call() -> None:
    backend, operator = with_memory_of_its_own(), operators.dense_backward
    case = ragged_cases("dense_backward")[0]
    first = outputs_of(case, operator, backend)
    diverged = Case(tuple(np.full_like(a, np.inf) for a in case.inputs), case.attributes)
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(outputs_of(diverged, operator, backend)[0]).any()
    for a, b in zip(outputs_of(case, operator, backend), first, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_busy_pool_of_another_library_changes_nothing(backend: str) -> None:
    """NumPy's own threads run between the epochs; both wait by spinning, and neither hangs."""
    assert digest_of("--backend", backend, "--products") == digest_of("--backend", backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_size_of_a_chunk_changes_no_bit(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kernels.numba_cpu.tiled import epoch as tiled
    from kernels.numba_cpu.zero_skipping import epoch as zero_skipping

    monkeypatch.setattr(zero_skipping, "WORTH_IT", np.inf)
    draw = rng(0)
    images = draw.randint(0, 256, (500, 30)).astype(np.uint8)
    images[draw.uniform(size=images.shape) < 0.9] = 0
    labels, order = draw.randint(0, 4, 500).astype(np.int64), draw.permutation(500)
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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_rank_leaves_the_processor_of_the_thread_that_leads() -> None:
    """The system leaves two busy threads on one processor: each call takes twice the time."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two processors")
    script = Path(__file__).with_name("shared_processor.py")
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120
    )
    everywhere, one, left, same = map(ast.literal_eval, done.stdout.splitlines())
    assert set(left) == set(everywhere) - {one}, done.stderr
    assert same
