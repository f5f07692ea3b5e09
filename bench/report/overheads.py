"""What a step takes beyond its parts: launches, and what stands between the operators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bench.suite import FUSED

PARTS = "parts"
"""How many parts of a step a backend has in a setting."""

COLUMNS = ("rest_s", "rest_low_s", "rest_high_s")


def fill(cases: Sequence[dict[str, Any]]) -> None:
    """Give a backend's step in one setting the time that its parts do not account for.

    It is the difference of the medians; its interval that of independent times, whose half-widths
    add in quadrature. There is none where a part has no time, where the step is one part, or where
    the difference is within the intervals.
    """
    steps = [case for case in cases if case["level"] == "step"]
    parts = [case for case in cases if case["level"] == "part"]
    for case in cases:
        case |= dict.fromkeys(COLUMNS, math.nan) | {PARTS: len(parts)}
    if len(steps) != 1 or not parts or any(part["operator"] == FUSED for part in parts):
        return
    (step,) = steps
    rest = step["median_s"] - sum(part["median_s"] for part in parts)
    half = math.hypot(*((one["ci_high_s"] - one["ci_low_s"]) / 2 for one in (step, *parts)))
    if rest > half:  # and none of them is missing
        step |= dict(zip(COLUMNS, (rest, rest - half, rest + half), strict=True))
