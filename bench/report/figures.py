"""Which charts are drawn: what fits on a page; the tables hold everything."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bench.report import cases, charts
from bench.report.cases import Case

MAX_SETTINGS = 4
MAX_POINTS = 100

Draw = Callable[[list[Case], dict[str, str], str], Any]


@dataclass(frozen=True)
class Drawing:
    """One chart of one setting."""

    title: str
    svg: str


@dataclass(frozen=True)
class Figure:
    """Charts of one kind, one for each setting, how many cases found no room, and peers if any."""

    level: str
    drawings: list[Drawing]
    left_out: int
    peers: bool


def throughput(rows: list[Case], colours: dict[str, str]) -> Figure:
    """Draw images/s of each backend at the most composed level."""
    return drawn(with_images(rows), colours, charts.throughput)


def speedups(rows: list[Case], colours: dict[str, str]) -> Figure:
    """Draw the speed-up of each backend at each level."""
    shown = [
        case
        for case in cases.timed(rows)
        if 0 < case["speedup"] < math.inf and case["backend"] != case["baseline"]
    ]
    shown.sort(key=lambda case: (cases.rank(case), case["what"]))
    return drawn(shown, colours, charts.speedups)


def image(rows: list[Case], format: Literal["svg", "png"]) -> bytes:
    """Draw images/s on white, for a README."""
    import altair as alt
    import vl_convert

    colours = cases.colours(rows)
    parts = [
        charts.throughput(part, colours, charts.PAPER_INK).properties(title=title)
        for title, part in by_setting(with_images(rows))
    ]
    if not parts:
        raise ValueError("there is no throughput to draw: no row has a time and images/s")
    spec = charts.styled(alt.vconcat(*parts), charts.PAPER_INK, "white")
    if format == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    return bytes(vl_convert.vegalite_to_png(spec, scale=2))


def with_images(rows: Iterable[Case]) -> list[Case]:
    """Cases of the most composed level that has a throughput."""
    return cases.top_level(case for case in rows if math.isfinite(case["images_per_s"]))


def drawn(shown: list[Case], colours: dict[str, str], draw: Draw) -> Figure:
    """Draw one chart for each setting."""
    found = by_setting(shown)
    drawings = [
        Drawing(title, charts.svg(draw(part, colours, charts.PAGE_INK))) for title, part in found
    ]
    level = shown[0]["level"] if shown else ""
    left_out = len(shown) - sum(len(part) for _, part in found)
    return Figure(level, drawings, left_out, any(case["role"] == "peer" for case in shown))


def by_setting(shown: list[Case]) -> list[tuple[str, list[Case]]]:
    """Take the first settings, and the first cases of each."""
    found = cases.groups(shown, "setting")[:MAX_SETTINGS]
    return [(title, part[:MAX_POINTS]) for (title,), part in found]
