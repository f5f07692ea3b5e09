"""Levels and operators by backend, on drawn digits: ``asv run``.

The project is imported inside the benchmarks: this file comes from the working tree, the package
from the commit that is measured. What an older commit lacks is skipped; a backend that is not
certified fails.
"""

import os
from time import perf_counter

from .names import BACKENDS, OPERATORS

LEVELS = ["forward", "backward", "step", "epoch"]
BATCHES = [128, 1024]
NETWORK, LR, SEED = (784, 128, 64, 10), 0.125, 0
THREADS = os.environ.get("MNIST_BENCH_THREADS", "all")

BLOCK_S = 0.01


class Clock:
    """Seconds per call: what ASV reads, which runs the setup anew before every call it times.

    A call of some microseconds cannot be timed by itself. So what ASV takes for one call is a block
    of at least `BLOCK_S`, by which this clock advances no more than one call took.
    """

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds

    def time(self, task, at_rest):
        """Advance by the seconds of one call of a task; ``at_rest`` waits for the device."""
        calls = 1
        while (seconds := _block(task, at_rest, calls)) < BLOCK_S:
            calls *= 2
        self.seconds += seconds / calls


def _block(task, at_rest, calls):
    task.reset()
    at_rest()
    start = perf_counter()
    for _ in range(calls):
        task.run()
    at_rest()
    return perf_counter() - start


class Verified:
    """Certificates first; then one case of one backend made ready."""

    timer = Clock()
    repeat = (5, 10, 1.0)
    timeout = 300
    task = None

    def setup_cache(self):
        """By backend and batch: why it cannot be timed, if it cannot, and its error ratio."""
        try:
            return {
                (name, batch): _certified(name, batch) for name in BACKENDS for batch in BATCHES
            }
        except (ImportError, AttributeError, TypeError):
            return {}  # a commit before there were certificates

    def prepare(self, verified, backend, level, operator, batch):
        """Make a case ready, or skip it, or fail."""
        if self.task:
            return
        if (backend, batch) not in verified:
            raise NotImplementedError("this commit has no certificates")
        absent, wrong, _ = verified[backend, batch]
        if absent:
            raise NotImplementedError(absent)
        assert wrong is None, wrong
        from threadpoolctl import threadpool_limits

        from bench.suite import Case
        from mnist_core import registry

        try:
            from bench.tasks import Bench
        except ImportError:  # a commit before tasks had a module of their own
            from bench.suite import Bench

        if operator and operator not in registry.operators():
            raise NotImplementedError(f"no operator {operator}")
        bench = Bench(registry.backend(backend), _data(), "float32", LR, SEED)
        self.task = bench.prepare(Case(level, operator, NETWORK, batch))
        self.at_rest = bench.backend.space.synchronize
        self.task.warm()
        threadpool_limits(None if THREADS == "all" else int(THREADS))


class Training(Verified):
    """Levels of training the standard network."""

    params = (BACKENDS, LEVELS, BATCHES)
    param_names = ("backend", "level", "batch")

    def setup(self, verified, backend, level, batch):
        self.prepare(verified, backend, level, None, batch)

    def time_level(self, verified, backend, level, batch):
        self.timer.time(self.task, self.at_rest)

    def track_images_per_s(self, verified, backend, level, batch):
        clock = Clock()
        times = []
        for _ in range(7):
            before = clock()
            clock.time(self.task, self.at_rest)
            times.append(clock() - before)
        return self.task.images / sorted(times)[3]

    track_images_per_s.unit = "images/s"


class Operators(Verified):
    """All calls of an operator that one training step makes."""

    params = (BACKENDS, OPERATORS)
    param_names = ("backend", "operator")

    def setup(self, verified, backend, operator):
        self.prepare(verified, backend, "operator", operator, BATCHES[0])

    def time_operator(self, verified, backend, operator):
        self.timer.time(self.task, self.at_rest)


class Backends(Verified):
    """What a backend is as a whole: its memory and its distance from the truth."""

    params = (BACKENDS,)
    param_names = ("backend",)

    def setup(self, verified, backend):
        self.prepare(verified, backend, "epoch", None, BATCHES[0])

    def peakmem_epoch(self, verified, backend):
        self.task.run()

    def track_error_ratio(self, verified, backend):
        return verified[backend, BATCHES[0]][2]

    track_error_ratio.unit = "of reordered NumPy's"


def _data():
    from mnist_core.data.digits import digits

    return digits(train=6000, test=100)


def _certified(name, batch):
    from mnist_core import registry
    from mnist_core.numerics import certify
    from mnist_core.precision import FLOAT32

    backends = registry.backends()
    absent = backends[name].unavailable() if name in backends else f"no backend {name}"
    if absent:
        return absent, None, None
    certificate = certify(backends[name], NETWORK, batch, FLOAT32, _data(), lr=LR, seed=SEED)
    return None, certificate.reason, certificate.error_ratio()
