"""Whether it changed: times over commits, and verdicts between runs on the same machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bench import sides
from bench.compare import UNKNOWN_FLOOR, Change, counts, own_thresholds
from bench.report import cases, verdicts
from bench.report.cases import Case
from bench.report.digits import plain
from bench.report.explore import ROWS, Chart
from bench.report.runs import Run, runs
from mnist_core.errors import DataError

if TYPE_CHECKING:
    from bench.exports import ResultSet

_OF_RUN = ("run_id", "machine", "timestamp", "commit", "dirty")

_NO_FLOORS = (
    "the noise of this machine was not measured: differences of up to "
    f"{UNKNOWN_FLOOR[False]:.0%} count as none; `mnist-bench doctor --noise` measures it"
)

_LINE = "datum.label + (datum.role === 'peer' ? ' (peer)' : '')"


@dataclass(frozen=True)
class Step:
    """What became of the cases from one run to the next on the same machine.

    ``changes`` are those that are not the same; ``why_not`` says why there are no verdicts.
    """

    machine: str
    before: str
    after: str
    summary: str = ""
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def head(self) -> list[str]:
        return verdicts.head(self.before, self.after)

    @property
    def cells(self) -> list[list[str]]:
        return [verdicts.cells(change) for change in self.changes]

    @property
    def values(self) -> list[list[float | None]]:
        return [verdicts.values(change) for change in self.changes]


def charts(rows: Sequence[Case], found: Sequence[Run], colours: Mapping[str, str]) -> list[Chart]:
    """Times over commits, where the timed rows are of several runs; ``found`` are all of them."""
    timed = cases.timed(rows)
    ids = {plain(case["run_id"]) for case in timed}
    shown = [run for run in found if run.run_id in ids]
    return [_over_commits(timed, shown, colours)] if len(shown) > 1 else []


def _over_commits(timed: Sequence[Case], found: Sequence[Run], colours: Mapping[str, str]) -> Chart:
    """A line for each backend and machine."""
    import altair as alt

    from bench.report.questions import channels

    order = list(dict.fromkeys(run.label for run in found))
    machines = list(dict.fromkeys(run.machine for run in found))
    names = sorted({case["backend"] for case in timed}, key=list(colours).index)
    labels = json.dumps({run.run_id: run.label for run in found})
    base = (
        alt.Chart(alt.NamedData(ROWS))
        .transform_calculate(line=_LINE, commit=f"({labels})[datum.run_id]")
        .encode(
            x=alt.X("commit:N", title="commit, the oldest first")
            .scale(domain=order)
            .axis(labelAngle=-45, labelLimit=120),
            color=alt.Color("backend:N", title=None)
            .scale(domain=names, range=[colours[name] for name in names])
            .legend(columns=3, labelLimit=100),
            detail=["line:N", "what:N", "machine:N"],
        )
    )
    if len(machines) > 1:
        base = base.encode(xOffset=alt.XOffset("machine:N").scale(domain=machines))
    seconds = alt.Y("median_s:Q", title="time of a call").scale(type="log", nice=False, padding=10)
    seconds = seconds.axis(labelExpr=channels.seconds("datum.value"))
    legend = alt.Legend(labelLimit=240) if len(machines) > 1 else None
    dash = alt.StrokeDash("machine:N", title=None, legend=legend).scale(domain=machines)
    shape = alt.Shape("machine:N", title=None, legend=legend).scale(domain=machines)
    tooltip = [
        alt.Tooltip(f"{field}:N", title=title)
        for field, title in (
            *(("line", "backend"), ("what", "what"), ("commit", "commit"), ("machine", "machine")),
            *(("median_s", "seconds"), ("ci_low_s", "from"), ("ci_high_s", "to")),
        )
    ]
    layers = (
        base.mark_line(strokeWidth=1.5).encode(y=seconds, strokeDash=dash),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("ci_low_s:Q"), y2="ci_high_s:Q"),
        base.mark_point(filled=True, size=50, opacity=1).encode(
            y=seconds, shape=shape, tooltip=tooltip
        ),
    )
    drawn = alt.layer(*layers).properties(width="container", height=280)
    return Chart(
        "history",
        "Over commits",
        "Lower is faster; the scale is logarithmic, upright lines are 95 % intervals."
        + (" Machines stand side by side." if len(machines) > 1 else ""),
        drawn.to_dict(validate=False),
        ("label", "what", "run_id", "machine", "median_s", "ci_low_s", "ci_high_s"),
        free=("run_id",),
    )


def steps(sets: Sequence[ResultSet]) -> list[Step]:
    """What changed from each run to the next on the same machine, in the order of time."""
    import pandas as pd

    own = own_thresholds()
    tables = [one.rows[list(_OF_RUN)].drop_duplicates() for one in sets]
    placed = {run.run_id: run for run in runs(pd.concat(tables, ignore_index=True))}
    by_machine: dict[str, list[tuple[Run, ResultSet]]] = {}
    for one in sets:
        if len(one.rows):
            place = placed[one.run_id]
            by_machine.setdefault(place.machine, []).append((place, one))
    return [
        _step(before, after, own)
        for listed in by_machine.values()
        for before, after in pairwise(sorted(listed, key=lambda pair: pair[0].began))
    ]


def _step(before: tuple[Run, ResultSet], after: tuple[Run, ResultSet], own: Any) -> Step:
    (first, one), (second, other) = before, after
    machine, labels = first.machine, (first.label, second.label)
    try:
        a, b = (_measured(side) for side in (one, other))
    except DataError as error:
        return Step(machine, *labels, why_not=str(error))
    different = sides.differing(a, b)
    if different:
        return Step(machine, *labels, why_not=f"no fair match, they differ in {different[0]}")
    found = sides.compared(a, b, own, in_turn=False)
    if not found:
        return Step(machine, *labels, why_not="no case is in both")
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts(found).items())
    changes = tuple(change for change in found if change.verdict != "same")
    notes = () if a.floors or b.floors else (_NO_FLOORS,)
    return Step(machine, *labels, summary, changes, notes)


def _measured(one: ResultSet) -> sides.Measured:
    """One side of a comparison; `DataError` where it has no samples to compare."""
    found = sides.of_folder(one.folder)
    timed = [case for case in found.cases.values() if case.status == "ok"]
    if timed and not any(case.rounds for case in timed):
        raise DataError(f"{one.folder} has no samples, and medians alone give no verdict")
    return found
