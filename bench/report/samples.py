"""Every sample of a case: how they spread, and whether they drift from the first to the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.columns import CASE
from bench.report.cases import Case
from bench.report.digits import exponent, plain

if TYPE_CHECKING:
    import pandas as pd

MOST = 200
"""Samples of one case."""

BUDGET = 15_000
"""Samples of all cases, for the page to stay small."""

IDENTITY = ("run_id", "backend", *CASE)
ORDER = ["pass", "round", "block"]
HEIGHT = 170


def samples(rows: Sequence[Case], measured: pd.DataFrame | None) -> dict[str, Any]:
    """Samples of each row that has some, in the order in which they were taken.

    Returns
    -------
    dict
        By the place of the row: how many samples it has (``"of"``), and every so many of them as
        whole numbers (``"taken"``) of seconds times ten to the ``"power"``, to four significant
        digits or more.
    """
    if measured is None or measured.empty:
        return {}
    timed = {identity(case): i for i, case in enumerate(rows) if case["status"] == "ok"}
    most = max(1, min(MOST, BUDGET // max(len(timed), 1)))
    found = {}
    ordered = measured.sort_values(ORDER, kind="stable")
    for key, part in ordered.groupby(list(IDENTITY), sort=False, dropna=False)["seconds"]:
        place = timed.get(tuple(map(plain, key)))
        sane = part[(part > 0) & (part < float("inf"))]
        if place is not None and len(sane):
            power = 3 - exponent(float(sane.min()))
            taken = (sane.iloc[:: -(-len(sane) // most)] * 10.0**power).round()
            found[str(place)] = {"of": len(sane), "power": power, "taken": list(map(int, taken))}
    return found


def identity(case: Case) -> tuple[str, ...]:
    """What tells cases apart, alike in rows and samples: all of it text, and missing is empty."""
    return tuple(plain(case.get(name)) for name in IDENTITY)


def charts() -> dict[str, Any]:
    """Vega-Lite for the samples of one case, over data that the page names.

    ``samples`` has the columns ``sample``, ``seconds`` and ``colour``; ``row`` is the case's row.
    """
    return {"drift": drift().to_dict(), "spread": spread().to_dict()}


def drift() -> Any:
    """Each sample in its order, over the interval of the median."""
    import altair as alt

    base = alt.Chart(alt.NamedData("samples"))
    points = base.mark_circle(size=22, opacity=0.75).encode(
        x=alt.X("sample:Q", title="samples in the order taken")
        .scale(zero=False)
        .axis(format="d", tickMinStep=1),
        y=seconds(alt.Y),
        color=alt.Color("colour:N", scale=None),
    )
    band = alt.Chart(alt.NamedData("row")).mark_rect(opacity=0.15, color="gray")
    band = band.encode(y="ci_low_s:Q", y2="ci_high_s:Q")
    median = alt.Chart(alt.NamedData("row")).mark_rule(color="gray", strokeWidth=1.5)
    median = median.encode(y="median_s:Q")
    return alt.layer(band, median, points).properties(width="container", height=HEIGHT)


def spread() -> Any:
    """How many samples took how long."""
    import altair as alt

    base = alt.Chart(alt.NamedData("samples"))
    bars = base.mark_bar().encode(
        x=seconds(alt.X).bin(maxbins=30),
        y=alt.Y("count():Q", title="samples").axis(format="d", tickMinStep=1),
        color=alt.Color("colour:N", scale=None),
    )
    median = alt.Chart(alt.NamedData("row")).mark_rule(color="gray", strokeWidth=1.5)
    median = median.encode(x="median_s:Q")
    return alt.layer(bars, median).properties(width="container", height=HEIGHT)


def seconds(channel: Any) -> Any:
    """Time on an axis, with the prefix that suits."""
    label = "replace(format(datum.value, '~s'), /(\\D?)$/, ' $1s')"
    scaled = channel("seconds:Q", title="time of a call").scale(zero=False)
    return scaled.axis(labelExpr=label, tickCount=5)
