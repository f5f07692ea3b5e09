"""How accurate: error against speed."""

from __future__ import annotations

from typing import Any

from bench.report.charts import PAGE_INK
from bench.report.explore import Chart
from bench.report.questions import channels
from bench.report.questions.run import Run


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
    return Chart(
        "accuracy",
        "Accuracy against speed",
        "Down and to the left is better. The line joins those that none beats in both (the Pareto "
        "front). Bars show 95 % intervals of the time."
        + channels.peers(rows, "Hollow points are peers."),
        channels.finished(alt.layer(line, intervals, points, *named(best)), 280),
        ("label", "what", "median_s", "ci_low_s", "ci_high_s", "error_ratio"),
        nothing="In this setting nothing was timed, or nothing has an error.",
        needs=("error_ratio", "median_s"),
    )


def named(best: Any) -> list[Any]:
    """Names of the front's points: towards the middle, where there is room, and above and below.

    No layer is without rows, or its scales would have no ends: a name that stands in another is
    empty.
    """
    import altair as alt

    placed = (
        best.transform_joinaggregate(first="min(median_s)", last="max(median_s)")
        .transform_window(sort=[alt.SortField("median_s")], turn="row_number()")
        .transform_calculate(
            across="log(datum.median_s / datum.first) / (log(datum.last / datum.first) || 1)"
        )
    )
    return [
        placed.transform_calculate(
            said=f"datum.across {where} 0.5 && datum.turn % 2 === {turn} ? datum.name : ''"
        )
        .mark_text(color=PAGE_INK, align=align, dx=dx, dy=dy, limit=130)
        .encode(text="said:N")
        for where, align, dx in (("<=", "left", 8), (">", "right", -8))
        for turn, dy in ((1, -8), (0, 10))
    ]


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
