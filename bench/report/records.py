"""Every row of the results as the page's scripts read it: all that is known of a case."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bench.columns import COLUMNS
from bench.report import explore
from bench.report.cases import Case
from bench.report.digits import plain

WHAT = ("backend", "level", "operator", "cache")
WHERE = ("network", "batch", "precision", "threads", "data", "seed")
"""Columns that are options of ``mnist-bench run``."""


def records(
    rows: Sequence[Case], environments: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """All columns of ``results.csv``, what is made of them, and how to measure them anew.

    The command that does so is ``measure`` followed by ``conditions``; rows without a time have
    none.
    """
    found = explore.columns(rows)
    for name in COLUMNS:
        if name not in found:
            found[name] = [explore.as_json(case.get(name)) for case in rows]
    commands = {run_id: command(environment) for run_id, environment in environments.items()}
    for part in ("measure", "conditions"):
        found[part] = ["" for _ in rows]
    for i, case in enumerate(rows):
        if case["status"] == "ok":
            begun = commands.get(plain(case["run_id"]), command({}))
            found["measure"][i] = f"{begun} {what(case)}"
            found["conditions"][i] = where(case)
    return found


def table(columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    """A table as the page's scripts read it: how many rows, and the columns."""
    count = len(next(iter(columns.values()), []))
    return {"count": count, "columns": {name: packed(of) for name, of in columns.items()}}


def packed(values: list[Any]) -> Any:
    """A column in which values return: each of them once, and where it stands if not all over."""
    distinct = list(dict.fromkeys((type(value), value) for value in values))
    if len(distinct) > len(values) / 2:
        return values
    if len(distinct) == 1:
        return {"values": [distinct[0][1]]}
    places = {key: i for i, key in enumerate(distinct)}
    at = [places[type(value), value] for value in values]
    return {"values": [value for _, value in distinct], "at": at}


def what(case: Case) -> str:
    """Options of the command that measures the case of one row, beside the baseline."""
    baseline = plain(case.get("baseline"))
    words = ["--backend", baseline] if baseline not in ("", case["backend"]) else []
    words += options(case, WHAT)
    if case["level"] == "operator" and case["operator"] and case["kernel"]:
        words += ["--kernel", f"{case['operator']}={case['kernel']}"]
    return shlex.join(words)


def where(case: Case) -> str:
    """Options for the conditions that it was measured in."""
    return shlex.join(options(case, WHERE))


def options(case: Case, columns: Sequence[str]) -> list[str]:
    """Columns of a row as options of the same name."""
    # A part is measured with the others of its step.
    left_out = "operator" if case["level"] == "part" else ""
    values = {name: plain(case.get(name)) for name in columns if name != left_out}
    return [word for name, value in values.items() if value for word in (f"--{name}", value)]


def command(environment: Mapping[str, Any]) -> str:
    """What runs, with the plug-ins and the haste that the run was given, as far as it tells."""
    text = plain(environment.get("command"))
    try:
        words = shlex.split(text)
    except ValueError:  # a quote without its end
        words = text.split()
    kept = [w for pair in pairwise(words) if pair[0] == "--plugin" for w in pair]
    kept += [w for w in words if w == "--quick"]
    return f"mnist-bench run {shlex.join(kept)}".rstrip()
