"""The runs that rows are of, and what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.report.cases import level_rank
from bench.report.digits import plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A run; its label is its commit, a dirty one with a plus, or else its time."""

    run_id: str
    machine: str
    began: str
    label: str


def runs(rows: Sequence[Mapping[str, Any]]) -> list[Run]:
    """The runs of all rows in the order of their time; one of the same commit has a number."""
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: plain(row["timestamp"])):
        first.setdefault((plain(row["run_id"]), plain(row["machine"])), row)
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for (run_id, machine), row in first.items():
        began = plain(row["timestamp"])
        label = plain(row["commit"])[:7] + ("+" if str(row["dirty"]) == "True" else "")
        label = (label.strip("+") and label) or began[:16].replace("T", " ") or "no time"
        seen[machine, label] += 1
        again = seen[machine, label]
        found.append(Run(run_id, machine, began, f"{label} ({again})" if again > 1 else label))
    return found


@dataclass(frozen=True)
class Surroundings:
    """What a run was measured on, and the id of its place on the page."""

    id: str
    title: str
    environment: dict[str, Any]


def surroundings(
    rows: Sequence[Mapping[str, Any]], environments: Mapping[str, Mapping[str, Any]]
) -> dict[str, Surroundings]:
    """What each run was measured on, by the run's id, the newest first."""
    called = titles(rows)
    ids = dict.fromkeys([*called, *environments])
    return {
        run_id: Surroundings(
            f"environment-{i}", called.get(run_id, run_id), _read(environments.get(run_id, {}))
        )
        for i, run_id in enumerate(ids)
    }


def _read(environment: Mapping[str, Any]) -> dict[str, Any]:
    """An environment without the long lists that nobody reads."""
    return {name: of for name, of in environment.items() if name not in ("plan", "noise")}


def newest(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Of more rows than fit on a page those of the newest runs, of a run its composed levels."""
    if len(rows) <= most:
        return rows
    rows = rows.reset_index(drop=True)
    run = rows.run_id.map(plain)
    began = rows.timestamp.map(plain).groupby(run).transform("max")
    order = rows.assign(began=began, run=run, rank=rows.level.map(level_rank)).sort_values(
        ["began", "run", "rank"], ascending=[False, False, True], kind="stable"
    )
    return rows.loc[sorted(order.index[:most])]


def titles(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each run is called by its id, the newest first: its label, with the machine if many."""
    found = runs(rows)[::-1]
    machines = {run.machine for run in found}
    return {
        run.run_id: " · ".join(filter(None, (run.label, run.machine if len(machines) > 1 else "")))
        for run in found
    }
