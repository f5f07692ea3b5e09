"""What the page's scripts explore: the rows as columns, and a chart for each question.

A chart is a Vega-Lite specification over the data of its table's name, which the page fills with
the rows of the setting that is chosen. The numbers are those of ``results.csv``, as they are.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import cases, runs, tables
from bench.report.cases import Case
from bench.report.digits import plain

ROWS, STEPS = "rows", "steps"
"""The names of the tables that the page has for charts: the results, and steps of training."""

CHOICES = {
    "level": "level",
    "batch": "batch",
    "network": "network",
    "precision": "precision",
    "threads": "threads",
    "cache": "cache",
    "data": "data",
    "run_id": "run",
    "seed": "seed",
    "operator": "operator",
}
"""Columns by which a setting is chosen, and what the page calls them."""

COLUMNS = (
    *("backend", "label", "role", "kernel", "what", *CHOICES, "device", "status", "reason"),
    *("certificate", "error_ratio", "baseline"),
    *("median_s", "ci_low_s", "ci_high_s", "images_per_s", "images_low", "images_high"),
    *("speedup", "speedup_ci_low", "speedup_ci_high", "gflops", "gbytes_per_s", "pct_peak"),
    *("flops_executed", "bytes", "compile_s", "peak_memory_bytes", "noise_floor"),
)

TEXTS = {"time_text": tables.time, "speedup_text": tables.speedup}
"""Columns for a person: figures with their intervals, and the digits that those support."""


@dataclass(frozen=True)
class Chart:
    """One question and the chart that answers it.

    Parameters
    ----------
    id
        Of its element on the page.
    title, note
        What stands above and below it.
    spec
        Vega-Lite.
    table
        Columns of the same numbers as a table.
    nothing
        What stands there where no row can be drawn.
    data
        The name of the page's table that it is drawn of.
    free
        Choices that it does not follow, since it spreads over them.
    levels
        Levels whose rows it is given; none for that which is chosen.
    needs
        Columns that must hold a positive number in its rows.
    """

    id: str
    title: str
    note: str
    spec: dict[str, Any]
    table: tuple[str, ...]
    nothing: str = "Nothing was timed in this setting."
    data: str = ROWS
    free: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A column by which a setting is chosen; ``options`` are its values, and the words for them.

    The first is chosen to begin with.
    """

    column: str
    name: str
    options: dict[str, str]


def choices(rows: Sequence[Case]) -> list[Choice]:
    """Columns in which the timed rows differ; of parts only all together say something.

    What shows the most comes first, of runs the newest.
    """
    timed = [case for case in cases.timed(rows) if case["level"] != "part"]
    top = cases.top_level(rows)
    found = []
    for column, name in CHOICES.items():
        weights = weigh(column, top, timed)
        if len(weights) > 1:
            first = max(weights, key=lambda value: weights[value])
            values = sorted(weights, key=lambda value: (value != first, cases.natural(value)))
            titles = runs.titles(timed) if column == "run_id" else dict.fromkeys(values, "")
            options = {value: text or value for value, text in titles.items() if value}
            found.append(Choice(column, name, options))
    return found


def weigh(column: str, top: Sequence[Case], timed: Sequence[Case]) -> dict[str, tuple[int, float]]:
    """Cases of the top level that each value of a column shows, and the time of all."""
    counts, seconds = (
        Counter(plain(case.get(column)) for case in top),
        defaultdict[str, float](float),
    )
    for case in timed:
        seconds[plain(case.get(column))] += case["median_s"]
    values = sorted(filter(None, seconds), key=cases.natural)
    return {value: (counts[value], seconds[value]) for value in values}


def followed(offered: Sequence[Choice], charts: Sequence[Chart]) -> list[Choice]:
    """Of the choices those that some chart follows."""

    def follows(chart: Chart, column: str) -> bool:
        return column not in chart.free and not (column == "level" and chart.levels)

    return [choice for choice in offered if any(follows(c, choice.column) for c in charts)]


def columns(rows: Iterable[Case]) -> dict[str, list[Any]]:
    """The cases column by column; what is missing or no number is null."""
    listed = list(rows)
    numbers = {
        name: [
            plain(case.get(name)) if name in CHOICES else as_json(case.get(name)) for case in listed
        ]
        for name in COLUMNS
    }
    return numbers | {name: [text(case) for case in listed] for name, text in TEXTS.items()}


def as_json(value: Any) -> Any:
    """A value as JSON has it."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) else None


def island(value: Any) -> str:
    """JSON that can stand within a script element, whatever the names in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
