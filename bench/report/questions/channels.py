"""How the charts say the same thing alike: which backend, whether a peer, how sure a figure is.

A peer is pale or hollow, and dashed. Expressions are Vega's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from bench.report import cases
from bench.report.cases import BASELINE_COLOUR, Case
from bench.report.charts import PAGE_INK
from bench.report.explore import ROWS

WIDTH = "container"
PEER = "datum.role === 'peer'"
NAME_LIMIT = 130  # pixels


def rows_chart(name: str = "datum.label") -> Any:
    """A chart over the rows that the page gives, with ``name`` for who stands on the page.

    Vega keeps names as keys of objects, which have a ``constructor`` already: no key of theirs
    begins with a space. For the same reason no chart sorts by a list of names, stacks by backend,
    or groups by a single column of names.
    """
    import altair as alt

    shown = f"' ' + {name} + ({PEER} ? ' (peer)' : '')"
    return alt.Chart(alt.NamedData(ROWS)).transform_calculate(name=shown)


def finished(chart: Any, height: int) -> dict[str, Any]:
    """The specification of a chart as wide as its place."""
    spec: dict[str, Any] = chart.properties(width=WIDTH, height=height).to_dict(validate=False)
    return spec


def height(rows: Iterable[Case], step: int) -> int:
    """Pixels for as many names as any one setting has, so many pixels each.

    Vega-Lite would take the step itself, but warns of it where the width is the container's.
    """
    groups = cases.groups(rows, "setting", "level", "what")
    return step * max(len({case["label"] for case in part}) for _, part in groups)


def backend_colour(colours: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> Any:
    """The colour that a backend has everywhere; the legend names those that occur in the rows."""
    import altair as alt

    found = {case["backend"] for case in rows}
    names = [name for name in colours if name in found] + sorted(found - set(colours))
    return (
        alt.Color("backend:N", title=None)
        .scale(domain=names, range=[colours.get(name, BASELINE_COLOUR) for name in names])
        .legend(
            columns=3, labelLimit=100, symbolLimit=1000, symbolType="stroke", symbolStrokeWidth=4
        )
    )


def plain_colour(colours: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> Any:
    """The same colour where the names stand in the chart itself."""
    return backend_colour(colours, rows).legend(None)


def dash() -> Any:
    """A peer's line is dashed."""
    import altair as alt

    return (
        alt.StrokeDash("role:N").scale(domain=["own", "peer"], range=[[1, 0], [4, 3]]).legend(None)
    )


def hollow(pale: float = 0.0) -> Any:
    """A peer's point is hollow, its bar pale."""
    import altair as alt

    return alt.when(PEER).then(alt.value(pale)).otherwise(alt.value(1))


def peers(rows: Iterable[Case], words: str) -> str:
    """What to say of peers, if there are any."""
    return f" {words}" if any(case["role"] == "peer" for case in rows) else ""


def names(by: str, op: Literal["min", "max"] = "min", limit: int = NAME_LIMIT) -> Any:
    """The axis that names backends, ordered by a column: from the least, or from the most, down."""
    import altair as alt

    sort = alt.EncodingSortField(by, op=op, order="descending" if op == "max" else "ascending")
    return alt.Y("name:N", title=None, sort=sort).axis(labelLimit=limit, ticks=False, domain=False)


def tooltip(*more: tuple[str, str]) -> Sequence[Any]:
    """Who, which kernel, how long with the interval, how fast against the baseline, and more."""
    import altair as alt

    shown = (
        *(("name", "backend"), ("kernel", "kernel"), ("what", "what"), ("batch", "batch")),
        *(("time_text", "time [95 %]"), ("speedup_text", "speed-up [95 %]")),
        *more,
    )
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in shown]


def figures(base: Any, expression: str, end: str) -> Any:
    """A column of figures at the right of the bars, clear of the farthest end."""
    import altair as alt

    return (
        base.transform_calculate(figure=expression)
        .transform_joinaggregate(farthest=f"max({end})")
        .transform_calculate(edge="1.3 * datum.farthest")
        .mark_text(align="right", color=PAGE_INK)
        .encode(x=alt.X("edge:Q"), text="figure:N")
    )


def seconds(value: str, digits: str = "") -> str:
    """Expression for seconds as a person writes them: 20 ms."""
    return f"replace(format({value}, '{digits}~s'), regexp('([a-zµ]?)$'), ' $1s')"


def supported(value: str, low: str, high: str) -> str:
    """Expression for a figure with the digits that its interval supports (see `digits.places`)."""
    half = f"(({high} - {low}) / 2)"
    digits = f"clamp(1 + floor(log({value}) / LN10) - floor(log({half}) / LN10), 1, 3)"
    digits = f"max({digits}, {half} < {value} / 2 ? 2 : 1)"
    return f"format({value}, {half} > 0 ? ',.' + {digits} + 'r' : ',.3~r')"
