"""How accurate: error against speed, and how training departs from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report import growth
from bench.report.charts import PAGE_INK
from bench.report.digits import plain
from bench.report.explore import ROWS, Chart
from bench.report.questions import channels
from bench.report.questions.run import Run
from mnist_core.numerics.trajectory import ENVELOPE_FACTOR

SETTING = ("batch", "network", "precision", "threads", "seed")


def error_over_time(run: Run) -> Chart | None:
    """Whether speed was bought with error."""
    import altair as alt

    rows = run.having("error_ratio", "median_s")
    if len({case["label"] for case in rows}) < 2:
        return None
    base = channels.rows_chart()
    time = (
        alt.X("median_s:Q", title="median time")
        .scale(type="log", nice=False, padding=20)
        .axis(labelExpr=channels.seconds("datum.value"), labelSeparation=8, tickCount=6)
    )
    error = (
        alt.Y("error_ratio:Q", title="error, in units of NumPy's own")
        .scale(type="log", nice=False, padding=20)
        .axis(format="~g", tickCount=5)
    )
    colour = channels.backend_colour(run.colours, rows)
    points = base.mark_point(size=70, opacity=1).encode(
        x=time,
        y=error,
        color=colour,
        fill=channels.backend_colour(run.colours, rows),
        fillOpacity=channels.hollow(),
        tooltip=channels.tooltip(("error_ratio", "error"), ("certificate", "certificate")),
    )
    intervals = base.mark_rule(strokeWidth=2).encode(
        x="ci_low_s:Q", x2="ci_high_s:Q", y=error, color=colour
    )
    best = front(base).encode(x=time, y=error)
    line = best.mark_line(color=PAGE_INK, strokeWidth=1.5, interpolate="step-after", opacity=0.6)
    named = best.mark_text(color=PAGE_INK, align="left", dx=8, dy=-8, limit=110).encode(
        text="name:N"
    )
    return Chart(
        "accuracy",
        "Accuracy against speed",
        "Down and to the left is better. The line joins those that none beats in both (the Pareto "
        "front). Bars show 95 % intervals of the time."
        + channels.peers(rows, "Hollow points are peers."),
        channels.finished(alt.layer(line, intervals, points, named), 280),
        ("label", "what", "median_s", "ci_low_s", "ci_high_s", "error_ratio"),
        needs=("error_ratio", "median_s"),
    )


def front(base: Any) -> Any:
    """The rows that no faster row equals in accuracy: the Pareto front."""
    import altair as alt

    by_time = [alt.SortField("median_s"), alt.SortField("error_ratio")]
    return (
        base.transform_window(
            sort=by_time, frame=[None, 0], ignorePeers=True, least="min(error_ratio)"
        )
        .transform_window(sort=by_time, before="lag(least)")
        .transform_filter("!isValid(datum.before) || datum.error_ratio < datum.before")
    )


def error_growth(run: Run) -> Chart | None:
    """How far training departs from the same training in double precision, step by step."""
    import altair as alt

    rows = distances(run)
    if not rows:
        return None
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        x=alt.X("step:Q", title="steps of training").axis(tickMinStep=1)
    )
    title = "relative distance from the truth"
    distance = (
        alt.Y("distance:Q", title=title)
        .scale(type="log", nice=False)
        .axis(format="~e", tickCount=2)
    )
    lines = base.mark_line(strokeWidth=2).encode(
        y=distance,
        color=channels.backend_colour(run.colours, rows),
        detail=["line:N", "role:N"],
        strokeDash=channels.dash(),
        tooltip=[
            alt.Tooltip("line:N", title="backend"),
            alt.Tooltip("step:Q"),
            alt.Tooltip("distance:Q", format=".2e"),
            alt.Tooltip("allowed:Q", format=".2e"),
        ],
    )
    shared = base.transform_aggregate(
        envelope="max(envelope)", allowed="max(allowed)", groupby=["step"]
    )
    band = shared.mark_area(color=PAGE_INK, opacity=0.12).encode(
        y=alt.Y("envelope:Q", title=title), y2="allowed:Q"
    )
    edge = shared.mark_line(color=PAGE_INK, strokeWidth=1, strokeDash=[2, 2]).encode(
        y=alt.Y("allowed:Q", title=title)
    )
    return Chart(
        "error-growth",
        "Distance from the truth while training",
        "The truth is the same training in double precision. The band begins at how far NumPy "
        f"gets with its sums in another order, and ends at {ENVELOPE_FACTOR} times that, which is "
        "allowed.",
        channels.finished(alt.layer(band, edge, lines), 280),
        ("line", "step", "distance", "envelope", "allowed"),
        rows=tuple(rows),
        needs=("distance", "envelope"),
    )


def distances(run: Run) -> list[dict[str, Any]]:
    """A row for each step of the trainings that the certificates hold."""
    roles = {case["backend"]: case["role"] for case in run.rows}
    return [
        {
            "backend": plain(certificate.get("backend")),
            "line": line(certificate),
            "role": roles.get(certificate.get("backend"), "own"),
            **{name: plain(certificate.get(name)) for name in SETTING},
            "step": step,
            "distance": float(distance),
            "envelope": float(envelope),
            "allowed": ENVELOPE_FACTOR * float(envelope),
        }
        for certificate in run.certificates
        for step, (distance, envelope) in enumerate(growth.growth_of(certificate), 1)
        if 0 < distance < float("inf") and 0 < envelope < float("inf")
    ]


def line(certificate: Mapping[str, Any]) -> str:
    """Name of a line."""
    threads = plain(certificate.get("threads"))
    return plain(certificate.get("backend")) + (f", threads {threads}" if threads else "")
