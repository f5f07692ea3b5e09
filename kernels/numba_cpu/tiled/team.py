"""The threads of this process that help in parallel regions."""

import os
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any

from numba import config

from kernels.numba_cpu.tiled.region import (
    MOST_RANKS,
    MOVE,
    PROCESSOR,
    serve,
    shared_array,
    want,
)

Array = Any


def processors() -> set[int]:
    """Numbers of the processors that this thread may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def usable_cpus() -> int:
    """How many processors this thread may run on."""
    return len(processors())


def ranks() -> int:
    """How many threads go together: NUMBA_NUM_THREADS, but no more than there are processors.

    One that waits for another that is not running would wait for long.
    """
    return max(1, min(config.NUMBA_NUM_THREADS, usable_cpus(), MOST_RANKS))


class _Rank:
    """A thread that serves, and sleeps while there is nothing to do."""

    def __init__(self, shared: Array, rank: int) -> None:
        self._sleep = Lock()
        self._processors = processors()
        Thread(
            target=self._work, args=(shared, rank), name=f"mnist-bench rank {rank}", daemon=True
        ).start()

    def wake(self) -> None:
        """See to it that the thread looks for work; it does so as long as it is wanted."""
        if self._sleep.locked():
            self._sleep.release()

    def _work(self, shared: Array, rank: int) -> None:
        known = 0
        while True:
            found = serve(shared, rank, known, 1)
            if found == MOVE:
                self._leave(int(shared[PROCESSOR]))
                found = serve(shared, rank, known, 0)
            known = found
            self._sleep.acquire()

    def _leave(self, processor: int) -> None:
        """Have this thread run on the others: both threads there would take twice the time."""
        others = self._processors - {processor}
        if others:
            os.sched_setaffinity(0, others)


class Team:
    """A process's threads, started when they are first needed."""

    def __init__(self) -> None:
        self._busy = Lock()
        self._shared = shared_array()
        self._others: list[_Rank] = []

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(shared, ranks, *arguments)``, which may then open a region on all ranks."""
        wanted = ranks()
        with self._busy:
            missing = wanted - 1 - len(self._others)
            if missing > 0:
                serve(self._shared, wanted, 0, 0)  # compiled here, where an error would be seen
                first = len(self._others) + 1
                self._others += [_Rank(self._shared, first + i) for i in range(missing)]
            try:
                want(self._shared, 1)
                for other in self._others[: wanted - 1]:
                    other.wake()
                return function(self._shared, wanted, *arguments)
            finally:
                want(self._shared, 0)


_team = Team()


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """`Team.call` of this process's team."""
    return _team.call(function, *arguments)


def _begin_anew() -> None:
    # A forked process has none of its parent's threads, and perhaps a lock that nobody will free.
    global _team
    _team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
