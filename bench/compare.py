"""Verdicts: what became faster or slower between two sets of measurements, and what did not."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from bench import statistics
from bench.statistics import Ratio, Rounds

VERDICTS = ("slower", "ambiguous", "same", "faster")

LEAST_FLOOR = 0.01
"""Nobody's business: differences under one percent are never called faster or slower."""

UNKNOWN_FLOOR = {True: 0.05, False: 0.10}
"""For a case whose noise was not measured, timed in turn or apart."""


@dataclass(frozen=True)
class Timed:
    """One case of one backend on one side: seconds of a call, of each block of each round.

    ``interval`` takes the place of samples where only a median and its interval are known.
    """

    rounds: Rounds
    interval: tuple[float, float, float] | None = None
    status: str = "ok"
    reason: str = ""

    @property
    def seconds(self) -> float:
        """Seconds of a call where nothing comes between, or the median if that is all we know."""
        return statistics.undisturbed(self.rounds) if self.interval is None else self.interval[0]


@dataclass(frozen=True)
class Change:
    """What became of one case: times as long as before, with interval and verdict.

    ``floor`` is the relative difference within which both count as the same.
    """

    backend: str
    case: str
    before_s: float | None
    after_s: float | None
    ratio: Ratio | None
    floor: float
    verdict: str
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


Name = tuple[str, str]
"""Backend and case, as people read them."""


def compare(
    before: Mapping[Name, Timed],
    after: Mapping[Name, Timed],
    floors: Mapping[Name, float],
    in_turn: bool,
) -> list[Change]:
    """A change for each case on both sides, in their order, with verdicts that hold together.

    With 95 % probability none of the faster and slower ones is due to chance, of however many.
    """
    shared = [name for name in before if name in after]
    judged = {
        name: _evidence(before[name], after[name], floors[name], in_turn)
        for name in shared
        if before[name].status == after[name].status == "ok"
    }
    stand = dict(zip(judged, statistics.holm([p for _, p in judged.values()]), strict=True))
    changes = []
    for name in shared:
        a, b = before[name], after[name]
        if name not in judged:
            changes.append(_broken(name, a, b, floors[name]))
            continue
        ratio, _ = judged[name]
        found = verdict(ratio, floors[name], stand[name])
        changes.append(Change(*name, a.seconds, b.seconds, ratio, floors[name], found))
    return changes


def verdict(ratio: Ratio, floor: float, stands: bool) -> str:
    """Faster or slower where the evidence stands, the same where the interval is in the floor."""
    if stands:
        return "slower" if ratio.value > 1 else "faster"
    inside = 1 / (1 + floor) <= ratio.low and ratio.high <= 1 + floor
    return "same" if inside else "ambiguous"


def _evidence(a: Timed, b: Timed, floor: float, in_turn: bool) -> tuple[Ratio, float]:
    """Ratio of after to before, and the probability of it where there is none beyond the floor."""
    if a.interval is not None or b.interval is not None:
        return _of_intervals(a.interval, b.interval, floor)
    found = statistics.evidence(a.rounds, b.rounds, in_turn)
    return found.ratio, found.p_beyond(floor)


def _of_intervals(a: Any, b: Any, floor: float) -> tuple[Ratio, float]:
    """Two 99 % intervals that do not meet: less than one in three thousand by chance."""
    ratio = Ratio(b[0] / a[0], b[1] / a[2], b[2] / a[1])
    apart = ratio.low > 1 + floor or ratio.high < 1 / (1 + floor)
    return ratio, 0.0 if apart else 1.0


def _broken(name: Name, a: Timed, b: Timed, floor: float) -> Change:
    """A case that one side has no times of."""
    bad = b if b.status != "ok" else a
    # What was broken before and is whole now has nothing to be compared with.
    verdict = b.status if b.status != "ok" else "same"
    before, after = (None if t.status != "ok" else t.seconds for t in (a, b))
    return Change(*name, before, after, None, floor, verdict, bad.reason)


def threshold(name: Name, floor: float | None, in_turn: bool, own: Mapping[str, float]) -> float:
    """The floor of a case: one's own for the first pattern that fits, or the measured one."""
    label = " ".join(name)
    for pattern, value in own.items():
        if fnmatchcase(label, pattern):
            return value
    return UNKNOWN_FLOOR[in_turn] if floor is None else max(LEAST_FLOOR, floor)


def counts(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes have each verdict, the worst first."""
    order = [
        *dict.fromkeys([*(c.verdict for c in changes if c.verdict not in VERDICTS), *VERDICTS])
    ]
    return {name: n for name in order if (n := sum(c.verdict == name for c in changes))}
