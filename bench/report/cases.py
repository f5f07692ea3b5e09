"""What is compared with what: cases sorted into levels, settings and backends."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.report import overheads
from bench.report.digits import plain
from bench.report.runs import Run, runs

if TYPE_CHECKING:
    import pandas as pd

LEVELS = ("epoch", "step", "forward", "backward", "operator", "part")

# Times are compared only within one setting. Its name holds what differs between the cases shown.
SETTING = {
    "batch": "batch {}",
    "network": "{}",
    "precision": "{}",
    "threads": "threads {}",
    "data": "{}",
    "cache": "{} cache",
    "seed": "seed {}",
    "machine": "{}",
    "run": "run {}",
}

NUMBERS = (
    *("median_s", "ci_low_s", "ci_high_s", "images_per_s", "pct_peak", "error_ratio"),
    *("speedup", "speedup_ci_low", "speedup_ci_high"),
)
WORDS = (
    *("backend", "role", "kernel", "level", "operator", "status", "reason"),
    *("baseline", "certificate"),
)

# Okabe and Ito's colours and five more; grey is the baseline's. Any two are at least 14 apart in
# CAM02-UCS, and 11 to readers without one kind of cone; the contrast of each with the white page
# and with the dark one is 2 at the least.
BASELINE_COLOUR = "#666666"
COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"),
    *("#604000", "#A0C080", "#0040A0", "#802060", "#806040"),
)

Case = dict[str, Any]


def tidy(rows: pd.DataFrame, of: Sequence[Run] | None = None) -> list[Case]:
    """Turn a frame into cases fit to show: numbers are floats, missing words empty, fastest first.

    Each case has the columns of its row, and ``run`` (what its run is called), ``setting`` (see
    `settings`), ``what`` (operator, part or level), ``label`` (backend, with its kernel where a
    backend has several for the same thing), ``images_low`` and ``images_high`` (the interval of the
    throughput), and what `overheads` tells of steps. The runs are those of the rows, or ``of``.
    """
    labels = {run.run_id: run.label for run in (runs(rows) if of is None else of)}
    cases: list[Case] = [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]
    for case in cases:
        case["run"] = labels.get(plain(case.get("run_id")), "")
    for case, setting in zip(cases, settings(cases), strict=True):
        case |= {column: real(case[column]) for column in NUMBERS}
        case |= {column: plain(case[column]) for column in WORDS}
        case["setting"] = setting
        part = "part " if case["level"] == "part" else ""
        case["what"] = part + (case["operator"] or case["level"])
        images = case["images_per_s"] * case["median_s"]
        case["images_low"], case["images_high"] = rates(images, case["ci_low_s"], case["ci_high_s"])
    for _, rivals in groups(cases, "setting", "level", "what", "backend"):
        for case in rivals:
            kernel = case["kernel"] if len(rivals) > 1 else ""
            case["label"] = " · ".join(filter(None, (case["backend"], kernel)))
    for _, of_step in groups(cases, "setting", "backend"):
        overheads.fill(of_step)
    return sorted(cases, key=lambda case: (math.isnan(case["median_s"]), case["median_s"]))


def fitting(rows: pd.DataFrame, of: Sequence[Run], most: int) -> pd.DataFrame:
    """Of more rows than fit on a page those of the newest runs, of a run its composed levels."""
    if len(rows) <= most:
        return rows
    age = {run.run_id: i for i, run in enumerate(reversed(of))}
    rows = rows.reset_index(drop=True)
    keys = {"age": rows.run_id.map(plain).map(age), "rank": rows.level.map(plain).map(level_rank)}
    order = rows.assign(**keys).sort_values(["age", "rank"], kind="stable")
    return rows.loc[sorted(order.index[:most])]


def real(value: Any) -> float:
    """Any figure as a float; what is missing or no number is NaN."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def rates(images: float, low_s: float, high_s: float) -> tuple[float, float]:
    """Images a second at both ends of the interval of their time; of no time there is none."""
    return images / high_s if high_s else math.nan, images / low_s if low_s else math.nan


def settings(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the setting of each case by what differs between the cases, e.g. ``batch 128``."""
    columns = {name: [plain(case.get(name)) for case in cases] for name in SETTING}
    varying = [name for name, values in columns.items() if len(set(values) - {""}) > 1]
    return [
        " · ".join(SETTING[name].format(columns[name][i]) for name in varying if columns[name][i])
        for i in range(len(cases))
    ]


def groups(cases: Iterable[Case], *columns: str) -> list[tuple[tuple[str, ...], list[Case]]]:
    """Group cases by columns, in natural order: ``batch 32`` before ``batch 128``."""
    found: dict[tuple[str, ...], list[Case]] = {}
    for case in cases:
        found.setdefault(tuple(case[column] for column in columns), []).append(case)
    return sorted(found.items(), key=lambda item: [natural(name) for name in item[0]])


def natural(text: str) -> list[tuple[int, int, str]]:
    """Key that sorts the digits in a text as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(p), "") if p[0] in "0123456789" else (1, 0, p) for p in parts]


def timed(cases: Iterable[Case]) -> list[Case]:
    """Cases that have a time."""
    return [case for case in cases if case["status"] == "ok" and not math.isnan(case["median_s"])]


def top_level(cases: Iterable[Case]) -> list[Case]:
    """Timed cases of the most composed level that was measured: epochs if there are any."""
    shown = timed(cases)
    top = min((rank(case) for case in shown), default=0)
    return [case for case in shown if rank(case) == top]


def rank(case: Case) -> int:
    """Place of a case's level, the most composed first."""
    return level_rank(case["level"])


def level_rank(level: str) -> int:
    """Place of a level; one that is not known is last."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def colours(cases: Iterable[Case]) -> dict[str, str]:
    """Give each backend the colour that it has everywhere on the page, first those with a time."""
    listed = list(cases)
    drawn = {case["backend"] for case in timed(listed)}
    roles = sorted({(case["backend"], case["backend"] == case["baseline"]) for case in listed})
    others = sorted(
        (name for name, is_it in roles if not is_it), key=lambda name: name not in drawn
    )
    chosen = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(others)}
    return chosen | {name: BASELINE_COLOUR for name, is_baseline in roles if is_baseline}
