"""The runs that rows are of: in which order, and what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def runs(rows: pd.DataFrame) -> list[Run]:
    """The runs of all rows, the oldest first; of one time, in the order of the rows.

    On a machine the second run of a commit has a number.
    """
    if rows.empty:
        return []
    columns = {name: rows[name].map(plain) for name in ("run_id", "machine", "timestamp", "commit")}
    first = (
        rows[["dirty"]]
        .assign(**columns)
        .sort_values("timestamp", kind="stable")
        .drop_duplicates("run_id")
    )
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for row in first.to_dict("records"):
        label = row["commit"][:7] + ("+" if str(row["dirty"]) == "True" else "")
        label = (label.strip("+") and label) or row["timestamp"][:16].replace("T", " ") or "no time"
        seen[row["machine"], label] += 1
        again = seen[row["machine"], label]
        label += f" ({again})" if again > 1 else ""
        found.append(Run(row["run_id"], row["machine"], row["timestamp"], label))
    return found


def titles(found: Sequence[Run]) -> dict[str, str]:
    """What each run is called by its id, the newest first: label, time, and the machine if many."""
    several = len({run.machine for run in found}) > 1
    called = {}
    for run in reversed(found):
        time = run.began[:16].replace("T", " ")
        parts = (run.label, time if time != run.label else "", run.machine if several else "")
        called[run.run_id] = " · ".join(filter(None, parts))
    return called
