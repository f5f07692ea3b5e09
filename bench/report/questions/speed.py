"""How fast: against the baseline, over the batch, and kernel by kernel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from bench.report import cases
from bench.report.cases import Case
from bench.report.charts import PAGE_INK
from bench.report.explore import Chart
from bench.report.questions import channels
from bench.report.questions.run import Run

COMPOSED = ("epoch", "step", "forward", "backward", "operator")
DARK, LIGHT = "#1f2328", "#ffffff"
NAMELESS = "datum.kernel && indexof(datum.backend, '[') < 0"
RUNG = f"datum.backend + ({NAMELESS} ? ' · ' + datum.kernel : '')"
"""A kernel's name; that of a variant, as ``numba[dense=rows]``, has it already."""

ROW, NARROW, WIDE = 28, 26, 54
"""Pixels: height of a cell; widths that its figure, and the interval too, have room in."""


def speedups(run: Run) -> Chart | None:
    """Who is faster than the baseline at what."""
    import altair as alt

    rows = run.having("speedup", levels=COMPOSED)
    if all(case["backend"] == case["baseline"] for case in rows):
        return None
    reach = farthest(rows)
    own_first = alt.EncodingSortField("after", op="min")
    composed_first = alt.EncodingSortField("level_rank", op="min")
    best = (
        channels.rows_chart("datum.backend")
        .transform_joinaggregate(best="max(speedup)", groupby=["what", "backend"])
        .transform_filter("datum.speedup === datum.best")
        .transform_calculate(
            after=f"{channels.PEER} ? 1 : 0",
            level_rank=f"indexof({list(cases.LEVELS)}, datum.level)",
        )
        .encode(
            x=alt.X("name:N", title=None, sort=own_first).axis(
                orient="top", labelAngle=-90, labelLimit=channels.NAME_LIMIT, ticks=False
            ),
            y=alt.Y("what:N", title=None, sort=composed_first).axis(
                labelLimit=channels.NAME_LIMIT, ticks=False
            ),
            tooltip=channels.tooltip(),
        )
    )
    colour = (
        alt.Color("speedup:Q", title="times as fast")
        .scale(
            type="log",
            domain=[1 / reach, 1, reach],
            clamp=True,
            scheme="blueorange",
            reverse=True,
        )
        .legend(format=".2~r", gradientLength=200, values=[1 / reach, 1, reach])
    )
    cells = best.mark_rect(stroke=PAGE_INK, strokeOpacity=0.2).encode(color=colour)
    return Chart(
        "heatmap",
        "Speed-up, all levels",
        "Times as fast as the baseline, each backend with its fastest kernel: blue is faster, "
        "orange slower. Small figures are 95 % intervals; without room, the tooltip has them.",
        channels.finished(
            alt.layer(cells, *figures(best, reach)), ROW * len({case["what"] for case in rows})
        ),
        ("label", "what", "speedup", "speedup_ci_low", "speedup_ci_high", "median_s"),
        free=("level", "operator"),
        levels=COMPOSED,
        needs=("speedup",),
    )


def figures(best: Any, reach: float) -> tuple[Any, Any]:
    """Speed-up and interval in each cell, as the tables have them, where there is room."""
    import altair as alt

    far = f"abs(log(datum.speedup)) > {0.6 * math.log(reach)}"
    told = best.transform_calculate(
        figure="split(datum.speedup_text, '×')[0]",
        interval="trim(split(datum.speedup_text, '×')[1] || '')",
    ).encode(color=alt.when(far).then(alt.value(LIGHT)).otherwise(alt.value(DARK)))
    above = {"expr": f"bandwidth('x') < {WIDE} ? 0 : -5"}
    legible = {"expr": f"bandwidth('x') < {NARROW} ? 0 : 1"}
    small = {"expr": f"bandwidth('x') < {WIDE} ? 0 : 1"}
    return (
        told.mark_text(fontSize=11, dy=above, fillOpacity=legible).encode(text="figure:N"),
        told.mark_text(fontSize=7.5, dy=7, fillOpacity=small).encode(text="interval:N"),
    )


def farthest(rows: Iterable[Case]) -> float:
    """Ratio at which the colours end, alike on both sides of 1: 2 at the least and 50 at most."""
    ratios = [max(case["speedup"], 1 / case["speedup"]) for case in rows]
    return float(min(max(2, math.ceil(max(ratios))), 50))


def throughput_over_batch(run: Run) -> Chart | None:
    """How images per second grow with the batch, and where another backend gets ahead."""
    import altair as alt

    rows = run.having("images_per_s", "batch")
    batches = sorted({int(case["batch"]) for case in rows})
    if len(batches) < 2:
        return None
    steps = (
        alt.X("images:Q", title="images a step")
        .scale(type="log", base=2, domain=[batches[0], batches[-1]], nice=False)
        .axis(format="d", values=batches)
    )
    base = channels.rows_chart().transform_calculate(images="toNumber(datum.batch)").encode(x=steps)
    rate = (
        alt.Y("images_per_s:Q", title="images/s")
        .scale(type="log", nice=False, padding=10)
        .axis(format="~s", tickCount=8)
    )
    lines = base.encode(
        y=rate,
        color=channels.backend_colour(run.colours, rows),
        detail="label:N",
    )
    # A line's own tooltip would be that of its first point.
    told = lines.encode(tooltip=channels.tooltip())
    intervals = told.mark_rule(strokeWidth=2).encode(
        y=alt.Y("images_low:Q", title="images/s"), y2="images_high:Q"
    )
    drawn = lines.mark_line().encode(strokeDash=channels.dash())
    points = told.mark_point(size=45, opacity=1).encode(
        fill=channels.backend_colour(run.colours, rows),
        fillOpacity=channels.hollow(),
    )
    taken = crossovers(base)
    ahead = taken.mark_rule(color=PAGE_INK, strokeDash=[2, 2])
    leader = taken.mark_text(
        color=PAGE_INK, angle=270, align="right", baseline="bottom", dx=-4, dy=-3, limit=120
    ).encode(y=alt.value(0), text="lead:N")
    return Chart(
        "over-batch",
        "Throughput against batch",
        "Both axes are logarithmic; bars are 95 % intervals. "
        "A dotted line stands where another backend is ahead, clear of the intervals."
        + channels.peers(rows, "Peers are dashed."),
        channels.finished(alt.layer(ahead, intervals, drawn, points, leader), 280),
        ("label", "batch", "images_per_s", "images_low", "images_high"),
        free=("batch",),
        needs=("images_per_s", "batch"),
    )


def crossovers(base: Any) -> Any:
    """The first batch at which another backend is the fastest, clear of the second's interval."""
    import altair as alt

    down = [alt.SortField("images_per_s", order="descending")]
    fastest = {"place": "row_number()", "second": "lead(images_high)"}
    return (
        base.transform_window(sort=down, groupby=["images"], **fastest)
        .transform_filter("datum.place === 1 && !(datum.images_low <= datum.second)")
        .transform_window(sort=[alt.SortField("images")], before="lag(name)")
        .transform_filter("isValid(datum.before) && datum.before !== datum.name")
        .transform_calculate(lead="trim(datum.name) + ' ahead'")
    )


def ladder(run: Run) -> Chart | None:
    """How near each kernel of an operator comes to the library's."""
    import altair as alt

    rows = run.having("speedup", levels=("operator",))
    rungs = {(case["what"], case["backend"], case["kernel"]) for case in rows}
    if len({what for what, *_ in rungs}) == len(rungs):
        return None
    base = (
        channels.rows_chart(RUNG)
        .transform_calculate(
            standard="datum.backend === datum.baseline ? datum.speedup : null",
        )
        .transform_joinaggregate(library="max(standard)", groupby=["what", "level"])
        .transform_calculate(
            percent="100 * datum.speedup / (datum.library || 1)",
            low="100 * datum.speedup_ci_low / (datum.library || 1)",
            high="100 * datum.speedup_ci_high / (datum.library || 1)",
        )
        .encode(
            y=channels.names("percent", "max", 190),
            tooltip=channels.tooltip(),
        )
    )
    speed = alt.X("percent:Q", title="% of the library's speed", stack=None)
    bars = base.mark_bar(strokeWidth=1).encode(
        x=speed,
        color=channels.plain_colour(run.colours, rows),
        fillOpacity=channels.hollow(0.25),
        stroke=channels.plain_colour(run.colours, rows),
        strokeDash=channels.dash(),
    )
    intervals = base.mark_rule(color=PAGE_INK, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    percent = channels.supported("datum.percent", "datum.low", "datum.high") + " + ' %'"
    figures = channels.figures(base, percent, "high")
    library = (
        alt.Chart(alt.InlineData(values=[{"percent": 100}]))
        .mark_rule(color=PAGE_INK, strokeDash=[2, 2])
        .encode(x=speed)
    )
    return Chart(
        "ladder",
        "The kernels of one operator",
        "100 % is the baseline's fastest kernel. Lines show 95 % intervals.",
        channels.finished(bars + intervals + figures + library, channels.height(rows, 24)),
        ("backend", "kernel", "what", "speedup", "speedup_ci_low", "speedup_ci_high", "median_s"),
        levels=("operator",),
        needs=("speedup",),
    )
