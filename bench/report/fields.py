"""What the page calls the columns, their units, and which interval tells their digits."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report import overheads

TIME = ("median_s", "ci_low_s", "ci_high_s")
IMAGES = ("images_per_s", "images_low", "images_high")
SPEEDUP = ("speedup", "speedup_ci_low", "speedup_ci_high")


@dataclass(frozen=True)
class Field:
    """A column of figures.

    Parameters
    ----------
    title
        Its head.
    unit
        ``"s"`` and ``"B"`` are written with the prefix that suits; any other sign as it is.
    of
        The value, and the ends of its interval, that tell unit and digits; none for its own.
    digits
        How many there are where there is no interval.
    """

    title: str
    unit: str = ""
    of: tuple[str, ...] = ()
    digits: int = 3


FIELDS = {
    "label": Field("backend"),
    "what": Field("operator or level"),
    "median_s": Field("time", "s", TIME),
    "ci_low_s": Field("time, from", "s", TIME),
    "ci_high_s": Field("time, to", "s", TIME),
    "images_per_s": Field("images/s", "", IMAGES),
    "images_low": Field("images/s, from", "", IMAGES),
    "images_high": Field("images/s, to", "", IMAGES),
    "speedup": Field("speed-up", "×", SPEEDUP),
    "speedup_ci_low": Field("speed-up, from", "×", SPEEDUP),
    "speedup_ci_high": Field("speed-up, to", "×", SPEEDUP),
    "gflops": Field("GFLOP/s"),
    "gbytes_per_s": Field("GB/s"),
    "pct_peak": Field("% of peak"),
    "compile_s": Field("compile time", "s"),
    "peak_memory_bytes": Field("peak memory", "B"),
    "bytes": Field("memory traffic", "B"),
    "noise_floor": Field("noise floor"),
    "error_ratio": Field("error, of NumPy’s", "×"),
    "run_id": Field("run"),
    "flops_executed": Field("operations executed"),
    "line": Field("training"),
    "distance": Field("distance from the truth"),
    "envelope": Field("distance with sums reordered"),
    "allowed": Field("distance allowed"),
    "loss": Field("mean loss", digits=7),
    "true_loss": Field("true loss", digits=7),
    "rest_s": Field("launches and rest", "s", overheads.COLUMNS),
}

COPIED = (
    *("run_id", "machine", "backend", "role", "kernel", "level", "operator", "network", "batch"),
    *("precision", "threads", "data", "seed", "cache", "status", "reason", *TIME),
    *("images_per_s", *SPEEDUP, "gflops", "gbytes_per_s", "pct_peak", "certificate"),
)
"""Columns of a copied table of times, as ``results.csv`` has them; those without a value go."""


def title(column: str) -> str:
    """Head of a column."""
    return FIELDS[column].title if column in FIELDS else column.replace("_", " ")
