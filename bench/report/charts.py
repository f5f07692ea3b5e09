"""The charts, drawn as SVG before the page is written: they need no script and no network.

Ink is ``currentColor`` on the page, so that one drawing serves light, dark and print.
"""

from __future__ import annotations

import math
from typing import Any

from bench.report.cases import Case
from bench.report.digits import number, places

PAGE_INK = "currentColor"
PAPER_INK = "#1f2328"
LABELS = 170  # pixels for the names on the left, in the font that they are measured in
LETTER = 8  # pixels that a letter takes in the widest of the fonts that browsers have for it
PLOT = 330
# A name is "index, lines to show": the index keeps two cases with the same words apart.
NAME = "slice(split(datum.label, '\\n'), 1)"


def throughput(cases: list[Case], colours: dict[str, str], ink: str) -> Any:
    """Draw images/s as bars with intervals; the certificate stands under each backend's name.

    Parameters
    ----------
    cases
        Timed cases of one level and setting, as `cases.tidy` returns them.
    colours
        Colour of each backend.
    ink
        Colour of text and lines.
    """
    import altair as alt

    bars = [bar(i, case, colours) for i, case in enumerate(cases)]
    # Room at the right for the figures, which stand behind the intervals.
    end = 1.3 * max(max(bar["images"], bar["high"] or 0) for bar in bars)
    name = alt.Y("name:N", sort=None, title=None).axis(
        labelExpr=NAME,
        labelLimit=LABELS,
        minExtent=room(cases),
        labelPadding=6,
        labelOffset=-7,
        ticks=False,
        domain=False,
    )
    images = alt.X("images:Q", title="images/s").scale(domain=[0, end], nice=False)
    base = alt.Chart(alt.InlineData(values=bars)).encode(y=name)
    peer = alt.datum.peer
    solid = base.mark_bar(strokeWidth=1.5, height=22).encode(
        x=images.axis(tickCount=4, labelExpr="format(datum.value, '~s')"),
        fill=alt.Fill("colour:N", scale=None),
        stroke=alt.Stroke("colour:N", scale=None),
        fillOpacity=alt.when(peer).then(alt.value(0.25)).otherwise(alt.value(1)),
        strokeDash=alt.when(peer).then(alt.value([4, 3])).otherwise(alt.value([1, 0])),
    )
    interval = base.mark_rule(color=ink, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    figure = base.mark_text(align="left", dx=6, color=ink, fontWeight="bold").encode(
        x="end:Q", text="figure:N"
    )
    return alt.layer(solid, interval, figure).properties(width=PLOT, height=alt.Step(44))


def bar(index: int, case: Case, colours: dict[str, str]) -> dict[str, Any]:
    """Turn a case into one bar."""
    images, low, high = case["images_per_s"], case["images_low"], case["images_high"]
    certificate = case["certificate"].replace(":", " ") or "no certificate"
    return {
        "name": f"{index}\n{label(case)}\n{certificate}",
        "images": images,
        "low": drawable(low),
        "high": drawable(high),
        "end": drawable(high) or images,
        "figure": number(images, places(images, low, high)),
        "colour": colours[case["backend"]],
        "peer": case["role"] == "peer",
    }


def speedups(cases: list[Case], colours: dict[str, str], ink: str) -> Any:
    """Draw speed-ups as points with intervals, on a ratio scale with a rule at 1.

    Parameters
    ----------
    cases
        Timed cases of one setting that have a speed-up.
    colours, ink
        As for `throughput`.
    """
    import altair as alt

    points = [point(i, case, colours) for i, case in enumerate(cases)]
    reach = [v for p in points for v in (p["speedup"], p["low"], p["high"]) if v]
    domain = [min(1.0, *reach) / 1.08, max(1.0, *reach) * 1.08]
    ratio = alt.X(
        "speedup:Q",
        title="times as fast",
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=ticks(*domain), format="~g", labelExpr="datum.label + '×'"),
    )
    name = alt.Y("name:N", sort=None, title=None).axis(
        labelExpr=NAME,
        labelLimit=LABELS,
        minExtent=room(cases),
        labelPadding=6,
        ticks=False,
        domain=False,
    )
    base = alt.Chart().encode(y=name)
    dot = base.mark_point(size=70, strokeWidth=2, opacity=1).encode(
        x=ratio,
        stroke=alt.Stroke("colour:N", scale=None),
        fill=alt.Fill("fill:N", scale=None),
    )
    interval = base.mark_rule(color=ink, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    one = alt.Chart().mark_rule(color=ink, strokeDash=[2, 2]).encode(x=alt.datum(1))
    order = list(dict.fromkeys(p["what"] for p in points))
    header = alt.Header(labelOrient="top", labelAnchor="start", labelPadding=2)
    return (
        alt.layer(dot, interval, one, data=alt.InlineData(values=points))
        .properties(width=PLOT, height=alt.Step(20))
        .facet(row=alt.Row("what:N", sort=order, title=None, header=header), spacing=8)
        .resolve_scale(y="independent")
    )


def point(index: int, case: Case, colours: dict[str, str]) -> dict[str, Any]:
    """Turn a case into one point; a peer's is hollow."""
    colour = colours[case["backend"]]
    return {
        "name": f"{index}\n{label(case)}",
        # A key of an object in Vega, where a "constructor" would be one that is there already.
        "what": f" {case['what']}",
        "speedup": case["speedup"],
        "low": drawable(case["speedup_ci_low"]),
        "high": drawable(case["speedup_ci_high"]),
        "colour": colour,
        "fill": "none" if case["role"] == "peer" else colour,
    }


def ticks(low: float, high: float) -> list[float]:
    """Choose round ratios within the domain, finer ones where it is narrow."""
    for steps in (
        (1,),
        (1, 2, 5),
        (1, 1.2, 1.5, 2, 3, 4, 5, 7),
        tuple(i / 10 for i in range(10, 100)),
    ):
        every = [step * 10.0**power for power in range(-6, 7) for step in steps]
        found = [round(value, 9) for value in every if low <= value <= high]
        if len(found) >= 4:
            break
    return found


def label(case: Case) -> str:
    """Name a case in a chart."""
    return str(case["label"]) + (" (peer)" if case["role"] == "peer" else "")


def room(cases: list[Case]) -> int:
    """Pixels that the longest name takes in the browser, whose letters may be wider than ours."""
    return min(LETTER * max(len(label(case)) for case in cases), LABELS + LABELS // 5)


def drawable(value: float) -> float | None:
    """A positive number; anything else is null in a chart's data, and left out."""
    return value if 0 < value < math.inf else None


def styled(chart: Any, ink: str, background: str) -> str:
    """Give a chart the page's look and return its specification."""
    quiet = {"domainColor": ink, "tickColor": ink, "gridColor": ink, "gridOpacity": 0.15}
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    chart = chart.configure(background=background, aria=False, font="sans-serif")
    chart = chart.configure_axis(**quiet, **text, titleFontWeight="normal")
    chart = chart.configure_view(stroke=None).configure_text(fontSize=12)
    chart = chart.configure_title(color=ink, fontSize=13, anchor="start")
    chart = chart.configure_legend(**text, titleFontWeight="normal", labelLimit=PLOT)
    chart = chart.configure_header(
        labelFontWeight="bold", labelColor=ink, labelFontSize=12, labelLimit=PLOT
    )
    return str(chart.to_json(indent=None, validate=False))


def svg(chart: Any) -> str:
    """Draw a chart for the page."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(styled(chart, PAGE_INK, "transparent")))
