"""Figures as a person reads them: no more digits than the interval supports."""

from __future__ import annotations

import math
import re
from typing import Any

TIME_UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
BYTE_UNITS = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))

# Control characters and halves of pairs, which neither XML nor UTF-8 has: a picture breaks on them.
_NO_TEXT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def exponent(value: float) -> int:
    """Power of ten of the leading digit; the slack keeps 0.0999... from counting as 0.09."""
    return math.floor(math.log10(abs(value) * (1 + 1e-9)))


def places(value: float, low: float = math.nan, high: float = math.nan) -> int:
    """Decimal places worth showing; negative for tens, hundreds, thousands.

    The last digit shown is that of the interval's half-width, or one more where the interval's
    lower end would have none, or the value a single one though it is clear of half its size: a bar
    at 360 is no 400. Without an interval it is the third significant digit. Of the value one to
    four stay.
    """
    if not value or not math.isfinite(value):
        return 0
    lead = -exponent(value)
    half = (high - low) / 2
    supported = -exponent(half) if math.isfinite(half) and half > 0 else lead + 2
    if half < abs(value) / 2:
        supported = max(supported, lead + 1)
    lowest = -exponent(low) if math.isfinite(low) and low > 0 else lead
    return max(lead, min(max(supported, min(lowest, supported + 1)), lead + 3))


def of_end(end: float, decimals: int) -> int:
    """Decimal places of an interval's end: the value's, or up to two more for its first digit."""
    lead = -exponent(end) if end and math.isfinite(end) else decimals
    return max(decimals, min(lead, decimals + 2))


def number(value: float, decimals: int) -> str:
    """Write a number with thousands separators, or nothing if there is none."""
    if not math.isfinite(value):
        return ""
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def measured(value: float, low: float, high: float, unit: str = "") -> str:
    """Write a value with its interval, as in ``1.6× [1.5, 1.7]``."""
    if not math.isfinite(value):
        return ""
    decimals = places(value, low, high)
    text = number(value, decimals) + unit
    if math.isfinite(low) and math.isfinite(high):
        text += f" [{number(low, of_end(low, decimals))}, {number(high, of_end(high, decimals))}]"
    return text


def seconds(value: float, low: float, high: float) -> str:
    """Write a time with its interval in the unit that suits it, as in ``201 ms [199, 204]``."""
    name, size = next((u for u in TIME_UNITS if abs(value) >= u[1]), TIME_UNITS[-1])
    return measured(value / size, low / size, high / size, f" {name}")


def plain(value: Any, key: str = "") -> str:
    """Write any value of a row or of the environment; what is missing is empty."""
    if str(value) in ("None", "nan", "NaT", "<NA>"):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_bytes") and isinstance(value, int | float):
        return size(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return _NO_TEXT.sub("\ufffd", str(value))


def size(count: float) -> str:
    """Write a number of bytes, as in ``23.5 GiB``."""
    name, unit = next((u for u in BYTE_UNITS if count >= u[1]), ("B", 1))
    return f"{count / unit:.3g} {name}"
