"""Every case of every backend: ``pytest --benchmark-only``. What is wrong fails and has no time."""

from collections.abc import Callable
from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import timing
from bench.suite import LEVELS, Case, cases, computed_by
from bench.tasks import Bench, Task
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data.digits import digits
from mnist_core.numerics import Certificate, certify
from mnist_core.precision import FLOAT32

NETWORK, BATCH, LR, SEED = (784, 128, 64, 10), 128, 0.125, 0
ROUNDS = 15
DATA = cache(lambda: digits(train=6000, test=100))

OWN = [backend for backend in registry.backends().values() if backend.role == "own"]
PLANNED = [
    (backend, case)
    for backend in OWN
    for case in cases([NETWORK], [BATCH], set(LEVELS) - {"part"}, list(registry.operators()))
]


@cache
def certificate(backend: Backend) -> Certificate:
    """Certificate of a backend, made before any of its cases is timed."""
    return certify(backend, NETWORK, BATCH, FLOAT32, DATA(), lr=LR, seed=SEED)


@cache
def bench(backend: Backend) -> Bench:
    """A backend with the data on its device."""
    return Bench(backend, DATA(), FLOAT32.name, LR, SEED)


def to_its_end(task: Task, synchronize: Callable[[], None]) -> Callable[[], None]:
    """One call, then the device at rest."""

    def run() -> None:
        task.run()
        synchronize()

    return run


@pytest.mark.parametrize(
    ("backend", "case"), PLANNED, ids=[f"{b.name}-{c.what}" for b, c in PLANNED]
)
def test_case(benchmark: BenchmarkFixture, backend: Backend, case: Case) -> None:
    """Verify the backend, then time one case of it."""
    reason = backend.unavailable()
    if reason:
        pytest.skip(reason)
    assert case.what in computed_by(backend)
    proof = certificate(backend)
    assert proof.passed, proof.reason
    task, clock = bench(backend).prepare(case), timing.Clock.of(backend.space)
    calls = timing.calibrate(task, clock, timing.BLOCK_S).iterations
    benchmark.group = f"{case.what}, batch {case.batch}"
    benchmark.extra_info |= {
        "backend": backend.name,
        "kernel": task.kernel,
        "level": case.level,
        "operator": case.operator or "",
        "network": case.network_name,
        "batch": case.batch,
        "images": task.images,
        "certificate": proof.claim,
    }
    task.warm()
    run = to_its_end(task, clock.synchronize)
    if task.changes_state:
        benchmark.pedantic(run, setup=task.reset, rounds=ROUNDS * calls)
    else:
        benchmark.pedantic(run, rounds=ROUNDS, iterations=calls)
    if benchmark.stats is not None:  # None with --benchmark-disable
        benchmark.extra_info["images_per_s"] = task.images / benchmark.stats.stats.median
