"""Verdicts: what became faster or slower between two sets of measurements, and what did not."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite, nan
from pathlib import Path
from typing import Any

from bench import statistics
from bench.statistics import Ratio, Rounds
from mnist_core.errors import DataError

VERDICTS = ("slower", "ambiguous", "incomparable", "same", "faster")

LEAST_FLOOR = 0.01
"""Nobody's business: differences under one percent are never called faster or slower."""

UNKNOWN_FLOOR = {True: 0.05, False: 0.10}
"""For a case whose noise was not measured, timed in turn or apart."""

_SETTINGS = Path("pyproject.toml")


@dataclass(frozen=True)
class Timed:
    """One case of one backend on one side: seconds of a call, of each block of each round.

    ``interval``, a median and its interval, is what a verdict goes by where one of the sides has no
    rounds.
    """

    rounds: Rounds
    interval: tuple[float, float, float] | None = None
    status: str = "ok"
    reason: str = ""


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
        """Plain values, for JSON, which has no word for what is not finite."""
        values = {k: _finite(v) for k, v in vars(self).items() if k != "ratio"}
        ratio = {} if self.ratio is None else vars(self.ratio)
        return values | {"ratio": {k: _finite(v) for k, v in ratio.items()} or None}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


Name = tuple[str, str]
"""Backend and case, as people read them."""


@dataclass(frozen=True)
class _Judged:
    """What a verdict goes by: ``p`` is how likely such a ratio is if nothing changed."""

    before: float
    after: float
    ratio: Ratio
    p: float


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
        name: _judged(before[name], after[name], floors[name], in_turn)
        for name in shared
        if before[name].status == after[name].status == "ok"
    }
    stand = dict(zip(judged, statistics.holm([of.p for of in judged.values()]), strict=True))
    changes = []
    for name in shared:
        if name in judged:
            of, floor = judged[name], floors[name]
            found = verdict(of.ratio, floor, stand[name])
            changes.append(Change(*name, of.before, of.after, of.ratio, floor, found))
        else:
            changes.append(_broken(name, before[name], after[name], floors[name]))
    return changes


def verdict(ratio: Ratio, floor: float, stands: bool) -> str:
    """Faster or slower where the evidence stands, the same where the interval is in the floor."""
    if stands:
        return "slower" if ratio.value > 1 else "faster"
    inside = 1 / (1 + floor) <= ratio.low and ratio.high <= 1 + floor
    return "same" if inside else "ambiguous"


def _judged(a: Timed, b: Timed, floor: float, in_turn: bool) -> _Judged:
    shared = a.rounds.keys() & b.rounds.keys()
    if a.rounds and b.rounds and (shared or not in_turn):
        found = statistics.evidence(a.rounds, b.rounds, in_turn)
        return _Judged(found.before, found.after, found.ratio, found.p_beyond(floor))
    if a.interval is None or b.interval is None:
        return _Judged(nan, nan, Ratio(nan, nan, nan), 1.0)
    # Two 99 % intervals that do not meet: less than one in three thousand by chance.
    x, y = a.interval, b.interval
    ratio = Ratio(y[0] / x[0], y[1] / x[2], y[2] / x[1])
    apart = ratio.low > 1 + floor or ratio.high < 1 / (1 + floor)
    return _Judged(x[0], y[0], ratio, 0.0 if apart else 1.0)


def _broken(name: Name, a: Timed, b: Timed, floor: float) -> Change:
    """A case without times on one side: a failure if that is new, else nothing to go by."""
    new = a.status == "ok"
    found = b.status if new else "incomparable"
    reason = b.reason if b.status != "ok" else f"{a.status} before: {a.reason}"
    return Change(*name, None, None, None, floor, found, reason)


def threshold(name: Name, floor: float | None, in_turn: bool, own: Mapping[str, float]) -> float:
    """The floor of a case: one's own for the first pattern that fits, or the measured one."""
    label = " ".join(name)
    for pattern, value in own.items():
        if fnmatchcase(label, pattern):
            return value
    return UNKNOWN_FLOOR[in_turn] if floor is None else max(LEAST_FLOOR, floor)


def own_thresholds() -> dict[str, float]:
    """Thresholds by pattern that the pyproject.toml of this folder sets, if there is one."""
    if not _SETTINGS.is_file():
        return {}
    try:
        settings = tomllib.loads(_SETTINGS.read_text(encoding="utf-8"))
        own = settings.get("tool", {}).get("mnist-bench", {}).get("thresholds", {})
        checked = {str(pattern): float(value) for pattern, value in own.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{_SETTINGS}: [tool.mnist-bench.thresholds]: {error}") from error
    for pattern, value in checked.items():
        if not 0 < value < 1:
            raise DataError(
                f'{_SETTINGS}: [tool.mnist-bench.thresholds] "{pattern}" = {value:g}: '
                "give a relative difference between 0 and 1, such as 0.05"
            )
    return checked


def counts(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes have each verdict, the worst first."""
    order = [
        *dict.fromkeys([*(c.verdict for c in changes if c.verdict not in VERDICTS), *VERDICTS])
    ]
    return {name: n for name in order if (n := sum(c.verdict == name for c in changes))}
