"""Results in the formats that services for continuous benchmarking read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mnist_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


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


FORMATS = {"github-action-benchmark": github_action_benchmark, "bencher": bencher}
