"""The clock: how long one call takes, apart from everything around it."""

from collections.abc import Callable
from time import perf_counter, sleep

from bench.suite import Task

SETTLE_S = 0.02
"""Pause before a block: other libraries' threads spin for some milliseconds after their work."""

_WARM_S = 0.002
_WARM_CALLS = 100
_MAX_ITERATIONS = 10_000

Clock = Callable[[], float]


def compile_time(task: Task, synchronize: Callable[[], None], clock: Clock = perf_counter) -> float:
    """Seconds that the very first call takes beyond the second: compiling, loading, allocating."""
    first = _block(task.warm, synchronize, 1, clock)
    second = _block(task.warm, synchronize, 1, clock)
    task.reset()
    return max(0.0, first - second)


def _block(
    run: Callable[[], object],
    synchronize: Callable[[], None],
    iterations: int,
    clock: Clock = perf_counter,
) -> float:
    """Seconds of that many calls, from a quiet device to a quiet device."""
    synchronize()
    start = clock()
    for _ in range(iterations):
        run()
    synchronize()
    return clock() - start


def warm_up(task: Task, synchronize: Callable[[], None], clock: Clock = perf_counter) -> None:
    """Untimed calls for a few milliseconds: caches, clock frequency, thread pools."""
    end = clock() + _WARM_S
    for _ in range(_WARM_CALLS):
        task.warm()
        synchronize()
        if clock() >= end:
            break


def calibrate(
    task: Task,
    synchronize: Callable[[], None],
    block_s: float,
    clock: Clock = perf_counter,
) -> int:
    """Calls that fill about ``block_s`` seconds; at least one."""
    task.reset()
    warm_up(task, synchronize, clock)
    iterations = 1
    while True:
        elapsed = _block(task.run, synchronize, iterations, clock)
        if elapsed >= block_s / 4 or iterations >= _MAX_ITERATIONS:
            break
        iterations *= 4
    task.reset()
    per_call = max(elapsed / iterations, 1e-9)
    return max(1, min(_MAX_ITERATIONS, round(block_s / per_call)))


def sample(
    task: Task,
    synchronize: Callable[[], None],
    iterations: int,
    clock: Clock = perf_counter,
    pause: Callable[[float], None] = sleep,
) -> float:
    """One sample: seconds of a call, averaged over a block of calls from the initial state."""
    pause(SETTLE_S)
    task.reset()
    warm_up(task, synchronize, clock)
    task.reset()
    return _block(task.run, synchronize, iterations, clock) / iterations
