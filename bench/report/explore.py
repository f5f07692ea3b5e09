"""What the page's scripts explore: the rows as columns, and a chart for each question.

A chart is a Vega-Lite specification over the data of its table's name, which the page fills with
the rows of the setting that is chosen. The numbers are those of ``results.csv``, as they are.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import cases, overheads, tables
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
    "machine": "machine",
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
    *(*overheads.COLUMNS, overheads.PARTS),
)

TEXTS = {"time_text": tables.time, "speedup_text": tables.speedup, "rest_text": tables.rest}
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


def choices(rows: Sequence[Case], called: Mapping[str, str]) -> list[Choice]:
    """Columns in which the timed rows differ; of parts only all together say something.

    What is chosen to begin with is of the newest run that has times, and goes together: of each
    column what shows the most.

    Parameters
    ----------
    rows
        Cases as `cases.tidy` returns them.
    called
        What each run is called by its id, the newest first.
    """
    timed = [case for case in cases.timed(rows) if case["level"] != "part"]
    pool = newest = of_newest(timed, called)
    top = {id(case) for case in cases.top_level(pool)}
    found = []
    for column, name in CHOICES.items():
        values = {plain(case.get(column)) for case in timed} - {""}
        if len(values) < 2 or (column == "machine" and one_a_run(timed)):
            continue
        first = foremost(column, pool, top) or foremost(column, newest, top)
        pool = [case for case in pool if plain(case.get(column)) in ("", first)]
        ordered = sorted(values, key=lambda value: (value != first, cases.natural(value)))
        if column == "run_id":
            ordered = [run_id for run_id in called if run_id in values]
        words = called if column == "run_id" else {}
        found.append(Choice(column, name, {value: words.get(value, value) for value in ordered}))
    return found


def of_newest(timed: Sequence[Case], called: Mapping[str, str]) -> list[Case]:
    """Rows of the newest run that has any; all where runs have no names."""
    ids = [plain(case.get("run_id")) for case in timed]
    newest = next((run_id for run_id in called if run_id in ids), None)
    return [case for case, run_id in zip(timed, ids, strict=True) if newest in (None, run_id)]


def one_a_run(timed: Sequence[Case]) -> bool:
    """Whether a run says which machine."""
    pairs = {(plain(case.get("run_id")), plain(case.get("machine"))) for case in timed}
    return len(pairs) == len({run_id for run_id, _ in pairs})


def foremost(column: str, pool: Sequence[Case], top: Container[int]) -> str:
    """The value of a column that shows the most of the top level, or takes the longest in all."""
    counts, seconds = Counter[str](), Counter[str]()
    for case in pool:
        value = plain(case.get(column))
        counts[value] += id(case) in top
        seconds[value] += case["median_s"]
    values = sorted(filter(None, seconds), key=cases.natural)
    return max(values, key=lambda value: (counts[value], seconds[value]), default="")


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
