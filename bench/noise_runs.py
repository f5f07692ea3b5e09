"""Timing every case against itself, to learn what this machine's noise comes to."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import statistics
from bench.noise import Floor, Floors, entry
from bench.plan import COMPARING, Plan
from bench.run_folder import RunFolder
from bench.runner import Progress, Run
from bench.sides import checked_out
from bench.standing import named
from bench.statistics import Ratio, Rounds
from bench.suite import Case

_MARGIN = 3.0
"""How many times the usual distance a floor is: few draws in a hundred come out further."""

Draw = dict[tuple[str, Case], tuple[Rounds, Rounds]]
"""Blocks of a backend's case, and of the same once more in another process."""


def measure_floors(
    plan: Plan, environment: dict[str, Any], draws: int, progress: Progress
) -> Floors:
    """Noise floors of every case of a plan, from ``draws`` runs in fresh processes."""
    taken = []
    with checked_out(".", ".") as sides:
        twice = replace(plan, sides=sides, effort=COMPARING)
        for _ in range(draws):
            taken.append(_draw(twice, dict(environment), progress))
    keys = [key for key in taken[0] if all(key in draw for draw in taken)]
    return Floors(
        entry(*key, plan.threads, plan.precision, floor_of([draw[key] for draw in taken]))
        for key in keys
    )


def _draw(plan: Plan, environment: dict[str, Any], progress: Progress) -> Draw:
    first, second = plan.sides
    with TemporaryDirectory(prefix="mnist-bench-") as temporary:
        run = Run(plan, RunFolder.create(Path(temporary) / "run"), environment, progress)
        try:
            run.begin()
            run.time()
        finally:
            run.close()
    return {
        (backend.name, timed.case): (once, again)
        for timed in run.timed
        for backend in plan.backends
        if (once := timed.blocks.get(named(backend.name, first)))
        and (again := timed.blocks.get(named(backend.name, second)))
    }


def floor_of(draws: Sequence[tuple[Rounds, Rounds]]) -> Floor:
    """How far the ends of the intervals are from 1 as a rule, where nothing differs at all."""
    in_turn = [statistics.evidence(once, again, True).ratio for once, again in draws]
    apart = [
        statistics.evidence(a, b, False).ratio
        for one, other in combinations(draws, 2)
        for a, b in zip(one, other, strict=True)
    ]
    return Floor(_usual(in_turn), _usual(apart), len(draws))


def _usual(ratios: Sequence[Ratio]) -> float:
    return _MARGIN * median(max(r.high, 1 / r.low) - 1 for r in ratios)
