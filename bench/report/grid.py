"""A run's tables as texts: what the terminal, Markdown and the README show alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from bench.report import digits
from bench.report.cases import rates
from bench.report.digits import plain
from mnist_core import registry

if TYPE_CHECKING:
    import pandas as pd

BLOCKS = ("operator", "part")
"""Levels of which a table has a block of lines for each operator or part."""

_CUBLAS = "cupy"
"""The backend whose products are cuBLAS's: what a handwritten product is held against."""


@dataclass(frozen=True)
class Line:
    """A cell for each column; the status of the row that it shows."""

    cells: list[str]
    status: str


@dataclass(frozen=True)
class Grid:
    """The table of one level, fastest first; the head of its first column names the level."""

    head: list[str]
    lines: list[Line]


def cases(table: pd.DataFrame) -> Iterator[tuple[str, str, list[Grid]]]:
    """Each network and batch, with a table for each level."""
    again = (table.status != "ok") & table.duplicated(["backend", "reason"])
    table = table.assign(reason=table.reason.mask(again, ""))  # a reason is read once
    timed: Any = table[table.status != "unavailable"].itertuples()
    for (network, batch), case in _grouped(timed, lambda row: (row.network, plain(row.batch))):
        levels = _grouped(case, lambda row: row.level)
        yield network, batch, [_grid(level, rows) for level, rows in levels]


def _grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> list[tuple[Any, list[Any]]]:
    """Rows by what they share, in the order of the first; pandas' groups are slow if many."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return list(found.items())


def absent(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Backends that cannot run here, with the first reason of each."""
    rows = table[table.status == "unavailable"]
    first = rows.drop_duplicates("backend")
    return list(zip(first.backend, first.reason, strict=True))


def unavailable(reasons: Iterable[tuple[Any, str]]) -> list[str]:
    """A line for each reason, with the backends that it keeps from running."""
    of: dict[str, list[str]] = {}
    for backend, reason in reasons:
        of.setdefault(reason, []).append(str(backend))
    return [f"{', '.join(names)}: unavailable, {reason}" for reason, names in of.items()]


def _grid(level: str, rows: Sequence[Any]) -> Grid:
    """Table of one level; that of operators or parts has a block of lines for each of them."""
    blocks = level in BLOCKS
    lines = []
    for (operator, cache), block in _grouped(rows, lambda row: (row.operator, row.cache)):
        name = f"{operator}, cold" if cache == "cold" else operator
        cublas_s = _cublas_s(operator, block)
        for row in sorted(block, key=lambda row: (isnan(row.median_s), row.median_s)):
            lines.append(([name] if blocks else [], _cells(row, cublas_s), row.status))
            name = ""
    columns = max((list(cells) for _, cells, _ in lines), key=len)
    return Grid(
        [level, *columns] if blocks else [level, *columns[1:]],
        [
            Line([*first, *(cells.get(column, "") for column in columns)], status)
            for first, cells, status in lines
        ],
    )


def _certificate(row: Any) -> str:
    parts = [str(row.certificate)]
    if not isnan(row.error_ratio):
        parts.append(f"{row.error_ratio:.1f}x NumPy's error" if row.error_ratio else "no error")
    if row.reason:
        parts.append(row.reason)
    return " · ".join(parts)


def _speedup(row: Any) -> str:
    if row.backend == row.baseline:
        return "1"
    return digits.measured(row.speedup, row.speedup_ci_low, row.speedup_ci_high, "x")


def _percent(value: float) -> str:
    return digits.number(value, 1 if value < 10 else 0)


def _cells(row: Any, cublas_s: float | None) -> dict[str, str]:
    """The cells of a row by column; ``cublas_s`` is the time of cuBLAS, if that was timed."""
    name = f"{row.backend} (peer)" if row.role == "peer" else row.backend
    if row.status != "ok":
        return {"backend": name, "time [95 %]": row.status, "certificate": row.reason}
    cells = {
        "backend": name,
        "time [95 %]": digits.seconds(row.median_s, row.ci_low_s, row.ci_high_s),
    }
    if row.level == "operator":
        cells["GFLOP/s"] = digits.number(row.gflops, digits.places(row.gflops))
    else:
        ends = rates(row.images_per_s * row.median_s, row.ci_low_s, row.ci_high_s)
        cells["images/s"] = digits.number(row.images_per_s, digits.places(row.images_per_s, *ends))
    cells["vs numpy [95 %]"] = _speedup(row)
    cells["% of peak"] = _percent(row.pct_peak)
    if cublas_s is not None:
        cells["% of cuBLAS"] = _percent(100 * cublas_s / row.median_s)
    return cells | {"certificate": _certificate(row)}


def _cublas_s(operator: str, rows: Iterable[Any]) -> float | None:
    """Seconds that cuBLAS takes for these rows' operator, if it is a product and was timed."""
    known = registry.operators().get(operator)
    if known is None or not known.factors:
        return None
    times = (row.median_s for row in rows if row.backend == _CUBLAS)
    return next((float(seconds) for seconds in times if not isnan(seconds)), None)
