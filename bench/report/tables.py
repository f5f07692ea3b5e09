"""The tables of times: one for each level, grouped by setting and operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.report import cases
from bench.report.cases import Case
from bench.report.digits import measured, number, places, seconds


@dataclass(frozen=True)
class Row:
    """One row: a cell for each column; where the status is not ok, the reason stands instead.

    ``place`` is that of its case among all.
    """

    place: int
    backend: str
    peer: bool
    colour: str
    status: str
    reason: str
    cells: list[str]


@dataclass(frozen=True)
class Group:
    """Rows that may be compared with each other."""

    title: str
    rows: list[Row]


@dataclass(frozen=True)
class Column:
    """A column: its head, the column of the results that it is sorted by, and what it shows."""

    title: str
    key: str
    cell: Callable[[Case], str]


@dataclass(frozen=True)
class Table:
    """One level."""

    level: str
    title: str
    columns: list[Column]
    groups: list[Group]


def time(case: Case) -> str:
    """Median with its interval."""
    return seconds(case["median_s"], case["ci_low_s"], case["ci_high_s"])


def rest(case: Case) -> str:
    """What a step takes beyond its parts, with its interval."""
    return seconds(case["rest_s"], case["rest_low_s"], case["rest_high_s"])


def images(case: Case) -> str:
    """Throughput, to the digits that its interval supports."""
    value = case["images_per_s"]
    return number(value, places(value, case["images_low"], case["images_high"]))


def speedup(case: Case) -> str:
    """Speed-up over the baseline with its interval; the baseline is 1."""
    if case["backend"] == case["baseline"] and case["speedup"] == 1:
        return "1"
    return measured(case["speedup"], case["speedup_ci_low"], case["speedup_ci_high"], "×")


def peak(case: Case) -> str:
    """Share of the machine's measured peak."""
    return number(case["pct_peak"], places(case["pct_peak"]) if case["pct_peak"] < 10 else 0)


def certificate(case: Case) -> str:
    """Claim that was shown, the error in units of NumPy's own, and what is to be said of it."""
    claim = str(case["certificate"]).replace(":", " ")
    if not claim:
        return "no certificate"
    ratio = case["error_ratio"]
    error = f"{number(ratio, places(ratio, 0, ratio / 5))}× NumPy’s error" if ratio else "no error"
    if claim.startswith("exact") or ratio != ratio:
        error = ""
    return " · ".join(filter(None, (claim, error, case["reason"])))


def kernel(case: Case) -> str:
    """Kernel, where one was named."""
    return str(case["kernel"])


COLUMNS = (
    Column("kernel", "kernel", kernel),
    Column("time [95 %]", "median_s", time),
    Column("images/s", "images_per_s", images),
    Column("vs {baseline} [95 %]", "speedup", speedup),
    Column("% of peak", "pct_peak", peak),
    Column("certificate", "certificate", certificate),
)


def tables(rows: list[Case], colours: dict[str, str]) -> list[Table]:
    """Make a table of each level that occurs; what is unavailable is no row of every group."""
    levels = dict.fromkeys([*cases.LEVELS, *(case["level"] for case in rows)])
    placed = [(i, case) for i, case in enumerate(rows) if case["status"] != "unavailable"]
    found = [[(i, case) for i, case in placed if case["level"] == level] for level in levels]
    return [table(part, colours) for part in found if part]


def table(placed: list[tuple[int, Case]], colours: dict[str, str]) -> Table:
    """Make the table of one level, with the columns that have something to show."""
    shown = [case for _, case in placed]
    places = {id(case): i for i, case in placed}
    level = shown[0]["level"]
    baseline = next((case["baseline"] for case in shown if case["baseline"]), "baseline")
    ok = [case for case in shown if case["status"] == "ok"]
    columns = [
        replace(column, title=column.title.format(baseline=baseline))
        for column in COLUMNS
        if any(map(column.cell, ok))
    ]
    found = [
        Group(
            " · ".join(filter(None, key)),
            [row(places[id(case)], case, columns, colours) for case in part],
        )
        for key, part in cases.groups(shown, "setting", "operator")
    ]
    return Table(level, level.capitalize() or "Without a level", columns, found)


def row(place: int, case: Case, columns: list[Column], colours: dict[str, str]) -> Row:
    """Turn a case into a row of the table."""
    return Row(
        place=place,
        backend=case["backend"],
        peer=case["role"] == "peer",
        colour=colours[case["backend"]],
        status=case["status"],
        reason=case["reason"],
        cells=[column.cell(case) for column in columns],
    )
