"""Results in formats that other programs read: tables, pictures, services for benchmarks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench import report, results
from bench.report import history, markdown
from bench.report.digits import plain
from mnist_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ResultSet:
    """One run: where it lies, and its rows; the rest is read when it is asked for."""

    path: Path
    rows: pd.DataFrame

    @cached_property
    def folder(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def run_id(self) -> str:
        return plain(next(iter(self.rows.run_id), ""))

    @cached_property
    def environment(self) -> dict[str, Any]:
        return results.load_environment(self.folder)

    @cached_property
    def certificates(self) -> list[dict[str, Any]]:
        return results.load_certificates(self.folder)


def rows(sets: Sequence[ResultSet]) -> pd.DataFrame:
    """The rows of all sets as one table."""
    import pandas as pd

    return pd.concat([one.rows for one in sets], ignore_index=True)


def csv(sets: Sequence[ResultSet]) -> str:
    """The tidy table of all sets, as `bench.results.load` reads it."""
    return results.as_csv(rows(sets)).removesuffix("\n")


def tables(sets: Sequence[ResultSet]) -> str:
    """The terminal's tables as Markdown, run after run, and what changed between them.

    A lone results.csv will do: what its rows do not say of the machine is left out.
    """
    sections = [
        markdown.section(
            one.rows,
            one.environment if (one.folder / "environment.json").exists() else {},
        )
        for one in sets
    ]
    changes = markdown.changes(history.steps(sets))
    return "\n\n".join([*sections, *([changes] if changes else [])])


def svg(sets: Sequence[ResultSet]) -> bytes:
    """Images per second of each backend; `DataError` where nothing has a throughput."""
    return _picture(sets, "svg")


def png(sets: Sequence[ResultSet]) -> bytes:
    """The same in pixels."""
    return _picture(sets, "png")


def _picture(sets: Sequence[ResultSet], format: Literal["svg", "png"]) -> bytes:
    try:
        return report.figure(rows(sets), format)
    except ValueError as error:
        raise DataError(f"report: {error}") from error


def github_action_benchmark(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Entries of the tool ``customSmallerIsBetter``: microseconds, with the interval's half-width.

    https://github.com/benchmark-action/github-action-benchmark
    """
    return [
        {
            "name": name,
            "unit": "µs",
            "value": row.median_s * 1e6,
            "range": f"± {(row.ci_high_s - row.ci_low_s) / 2 * 1e6:.3g}",
            "extra": f"{row.images_per_s:.3g} images/s, certificate {row.certificate}",
        }
        for name, row in _timed(table)
    ]


def bencher(table: pd.DataFrame) -> dict[str, Any]:
    """Bencher Metric Format: latency in nanoseconds and throughput in images per second.

    https://bencher.dev/docs/reference/bencher-metric-format/
    """
    return {
        name: {
            "latency": {
                "value": row.median_s * 1e9,
                "lower_value": row.ci_low_s * 1e9,
                "upper_value": row.ci_high_s * 1e9,
            },
            "throughput": {
                "value": row.images_per_s,
                "lower_value": row.images_per_s * row.median_s / row.ci_high_s,
                "upper_value": row.images_per_s * row.median_s / row.ci_low_s,
            },
        }
        for name, row in _timed(table)
    }


def _timed(table: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Rows that stand, with a name that is the same in every run."""
    from bench.sides import case_name

    found: Any = table[table.status == "ok"].itertuples()
    seen: set[str] = set()
    for row in found:
        name = " ".join(case_name(row._asdict()))
        name = f"{name}, {row.precision}, {int(row.threads)} threads"
        if name in seen:
            raise DataError(f"export: {name} is there twice; export one run at a time")
        seen.add(name)
        yield name, row


def _json(export: Callable[[pd.DataFrame], Any]) -> Callable[[Sequence[ResultSet]], str]:
    def written(sets: Sequence[ResultSet]) -> str:
        return json.dumps(export(rows(sets)), indent=1, ensure_ascii=False, allow_nan=False)

    return written


FORMATS: dict[str, Callable[[Sequence[ResultSet]], str | bytes]] = {
    "md": tables,
    "csv": csv,
    "svg": svg,
    "png": png,
    "github-action-benchmark": _json(github_action_benchmark),
    "bencher": _json(bencher),
}
