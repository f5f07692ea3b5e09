"""Verdicts as people read them: a row a case."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from bench.report import digits

if TYPE_CHECKING:
    from bench.compare import Change


def head(before: str, after: str) -> list[str]:
    """Names of the columns; those of the times are the sides' titles."""
    return ["backend", "case", before, after, "times as long [95 %]", "floor", "verdict"]


def values(change: Change) -> list[float | None]:
    """The numbers of `cells`, by which they are sorted; None for texts."""
    ratio = None if change.ratio is None else change.ratio.value
    return [None, None, change.before_s, change.after_s, ratio, change.floor, None]


def cells(change: Change) -> list[str]:
    """One case: the times are without intervals, which only their ratio has."""
    ratio = change.ratio
    times = [
        "" if t is None else digits.seconds(t, nan, nan) for t in (change.before_s, change.after_s)
    ]
    shown = "" if ratio is None else digits.measured(ratio.value, ratio.low, ratio.high)
    verdict = f"{change.verdict}: {change.reason}" if change.reason else change.verdict
    return [change.backend, change.case, *times, shown, f"±{change.floor:.1%}", verdict]
