"""The clock: how long one call takes, apart from everything around it."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep
from typing import Any

from bench.tasks import Task
from mnist_core.arrays import Space

SETTLE_S = 0.02
"""Pause before a round, in which the system settles after another process was stopped."""

BLOCK_S = 0.002
"""Length of a block of calls: long beside the clock's own cost, and short beside the tens of
milliseconds for which a virtual machine may lose its processor, so that most blocks see none."""

_WARM_S = 0.002
_WARM_CALLS = 100
_MAX_ITERATIONS = 10_000
_COLD_CALLS = 3
_LONG_S = 0.1
"""What a call takes that is timed once a round, stall or no stall."""


@dataclass(frozen=True)
class Clock:
    """The clocks of one device: the host's, read when the device is at rest, and its own.

    ``mark`` puts a point into the device's queue, or gives None where it has no clock of its own;
    ``between`` is the seconds from one point to another.
    """

    synchronize: Callable[[], None]
    mark: Callable[[], Any] = lambda: None
    between: Callable[[Any, Any], float] = lambda start, end: 0.0
    now: Callable[[], float] = perf_counter
    pause: Callable[[float], None] = sleep

    @classmethod
    def of(cls, space: Space) -> "Clock":
        """The clocks of the device that a space is on."""
        if not hasattr(space, "mark"):  # of a commit before spaces had clocks, when compared
            return cls(space.synchronize)
        return cls(space.synchronize, space.mark, space.seconds_between)


@dataclass(frozen=True)
class Block:
    """Seconds of one call, as a mean over a block of calls, by the host's and the device's clock.

    The device's clock shows what the work took; the host's also what it took to ask for it.
    """

    seconds: float
    device_s: float | None


@dataclass(frozen=True)
class Blocks:
    """How many calls a block has, and how many blocks a round."""

    iterations: int
    count: int


def compile_time(task: Task, clock: Clock) -> float:
    """Seconds that the very first call takes beyond the second: compiling, loading, allocating."""
    first = _block(task.warm, clock, 1)
    second = _block(task.warm, clock, 1)
    task.reset()
    return max(0.0, first.seconds - second.seconds)


def _block(run: Callable[[], object], clock: Clock, iterations: int) -> Block:
    """That many calls, from a quiet device to a quiet device."""
    clock.synchronize()
    start = clock.now()
    first = clock.mark()
    for _ in range(iterations):
        run()
    last = clock.mark()
    clock.synchronize()
    seconds = clock.now() - start
    device = None if first is None else clock.between(first, last) / iterations
    return Block(seconds / iterations, device)


def overhead(clock: Clock) -> tuple[float, float]:
    """Seconds that the harness adds to a block, and to each call in it."""
    one = median(_block(_nothing, clock, 1).seconds for _ in range(1000))
    return one, median(_block(_nothing, clock, 1000).seconds for _ in range(10))


def _nothing() -> None:
    return None


def warm_up(task: Task, clock: Clock) -> None:
    """Untimed calls for a few milliseconds: caches, clock frequency, thread pools."""
    end = clock.now() + _WARM_S
    for _ in range(_WARM_CALLS):
        task.warm()
        clock.synchronize()
        if clock.now() >= end:
            break


def calibrate(task: Task, clock: Clock, round_s: float) -> Blocks:
    """Blocks of about `BLOCK_S` that fill about ``round_s`` seconds; at least one of one call.

    A call on cold caches is a block of its own, since the next one would find them warm.
    """
    if task.flush is not None:
        return Blocks(1, _COLD_CALLS)
    task.reset()
    warm_up(task, clock)
    iterations = 1
    while True:
        per_call = _block(task.run, clock, iterations).seconds
        if per_call > _LONG_S:
            break
        # The fastest of three: a stall must not pass for a slow kernel.
        per_call = min(per_call, *(_block(task.run, clock, iterations).seconds for _ in range(2)))
        if per_call * iterations >= BLOCK_S / 4 or iterations >= _MAX_ITERATIONS:
            break
        iterations *= 4
    task.reset()
    per_call = max(per_call, 1e-9)
    iterations = max(1, min(_MAX_ITERATIONS, round(BLOCK_S / per_call)))
    block_s = max(BLOCK_S, iterations * per_call)
    return Blocks(iterations, max(1, round(round_s / block_s)))


def sample(task: Task, clock: Clock, blocks: Blocks) -> list[Block]:
    """One round: that many blocks, from the initial state."""
    clock.pause(SETTLE_S)
    task.reset()
    warm_up(task, clock)
    task.reset()
    taken = []
    for _ in range(blocks.count):
        if task.flush is not None:
            task.flush()
        taken.append(_block(task.run, clock, blocks.iterations))
    return taken
