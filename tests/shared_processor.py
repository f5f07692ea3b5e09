"""Have both ranks find themselves on one processor; print where the second one may run then.

A process of its own, since it moves its threads about. The lines: all processors, the one that both
were put on, those that the second rank has left for itself, and whether the result is right.
"""

import os
import threading
import time

import numpy as np

from kernels.numba_cpu.tiled import team
from mnist_core import registry

CALLS = 200
"""Products at most until they have met there: another process may have the processor meanwhile."""

PAUSE = 0.02
"""Seconds for the rank to fall asleep in; it moves once each time that it is awake."""


def main() -> None:
    """Multiply, put both threads on one processor, multiply again."""
    everywhere = team.processors()
    dense = registry.backend("numba").dense
    rng = np.random.RandomState(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((128, 784), (784, 128)))
    before, after = (np.empty((128, 128), np.float32) for _ in range(2))
    bias = np.zeros(128, np.float32)
    dense(x, w, bias, before, activation="linear")
    (rank,) = (t for t in threading.enumerate() if t.name == "mnist-bench rank 1")
    one = min(everywhere)
    team.usable_cpus = lambda: 2
    os.sched_setaffinity(0, {one})
    os.sched_setaffinity(rank.native_id, {one})
    for _ in range(CALLS):
        dense(x, w, bias, after, activation="linear")
        if os.sched_getaffinity(rank.native_id) != {one}:
            break
        time.sleep(PAUSE)
    print(sorted(everywhere))
    print(one)
    print(sorted(os.sched_getaffinity(rank.native_id)))
    print(np.array_equal(before, after))


if __name__ == "__main__":
    main()
