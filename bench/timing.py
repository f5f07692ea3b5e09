"""The clock: how long one call takes, apart from everything around it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, sleep

from bench.suite import Task

SETTLE_S = 0.02
"""Pause before a round, in which the system settles after another process was stopped."""

BLOCK_S = 0.002
"""Length of a block of calls: long beside the clock's own cost, and short beside the tens of
milliseconds for which a virtual machine may lose its processor, so that most blocks see none."""

_WARM_S = 0.002
_WARM_CALLS = 100
_MAX_ITERATIONS = 10_000

Clock = Callable[[], float]


@dataclass(frozen=True)
class Blocks:
    """How many calls a block has, and how many blocks a round."""

    iterations: int
    count: int


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
    round_s: float,
    clock: Clock = perf_counter,
) -> Blocks:
    """Blocks of about `BLOCK_S` that fill about ``round_s`` seconds; at least one of one call."""
    task.reset()
    warm_up(task, synchronize, clock)
    iterations = 1
    while True:
        # The fastest of three: a stall must not pass for a slow kernel.
        elapsed = min(_block(task.run, synchronize, iterations, clock) for _ in range(3))
        if elapsed >= BLOCK_S / 4 or iterations >= _MAX_ITERATIONS:
            break
        iterations *= 4
    task.reset()
    per_call = max(elapsed / iterations, 1e-9)
    iterations = max(1, min(_MAX_ITERATIONS, round(BLOCK_S / per_call)))
    block_s = max(BLOCK_S, iterations * per_call)
    return Blocks(iterations, max(1, round(round_s / block_s)))


def sample(
    task: Task,
    synchronize: Callable[[], None],
    blocks: Blocks,
    clock: Clock = perf_counter,
    pause: Callable[[float], None] = sleep,
) -> list[float]:
    """Seconds of a call, averaged over each block, from the initial state."""
    pause(SETTLE_S)
    task.reset()
    warm_up(task, synchronize, clock)
    task.reset()
    return [
        _block(task.run, synchronize, blocks.iterations, clock) / blocks.iterations
        for _ in range(blocks.count)
    ]
