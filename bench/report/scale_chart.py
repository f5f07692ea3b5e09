"""The picture of how cost grows: one panel an axis, on logarithmic scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.report.cases import BASELINE_COLOUR, COLOURS

_SIZE = 260


def draw(rows: Sequence[tuple[Any, Any]], baseline: str = "numpy") -> str:
    """SVG of time against size for each backend, with intervals; a panel for each axis.

    ``rows`` are pairs of a `bench.scaling.Point` and a row of results.
    """
    import altair as alt
    import vl_convert

    values = [
        {
            "axis": point.axis,
            "at": point.at,
            "backend": row.backend,
            "seconds": row.median_s,
            "low": row.ci_low_s,
            "high": row.ci_high_s,
        }
        for point, row in rows
        if row.status == "ok"
    ]
    names = sorted({value["backend"] for value in values}, key=lambda name: name != baseline)
    others = iter(COLOURS * len(names))
    colours = [BASELINE_COLOUR if name == baseline else next(others) for name in names]
    base = alt.Chart().encode(
        x=alt.X("at:Q", title=None).scale(type="log").axis(format="~s", grid=False, tickCount=6),
        color=alt.Color("backend:N", title=None).scale(domain=names, range=colours),
    )
    seconds = alt.Y("seconds:Q", title="seconds").scale(type="log").axis(format="~s", tickCount=5)
    layers = (
        base.mark_line(strokeWidth=2).encode(y=seconds),
        base.mark_point(filled=True, size=36).encode(y=seconds),
        base.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q"),
    )
    axes = list(dict.fromkeys(value["axis"] for value in values))
    chart = (
        alt.layer(*layers, data=alt.InlineData(values=values))
        .properties(width=_SIZE, height=_SIZE)
        .facet(column=alt.Column("axis:N", title=None, sort=axes))
        .resolve_scale(x="independent", y="independent")
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return svg
