"""The charts of the page's exploring part, one function a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.report.cases import Case
from bench.report.explore import ROWS, Chart

Colours = Mapping[str, str]

WIDTH = "container"


def throughput_over_batch(rows: Sequence[Case], colours: Colours) -> Chart | None:
    """How images per second grow with the batch."""
    import altair as alt

    batches = {case["batch"] for case in rows if case["images_per_s"] > 0}
    if len(batches) < 2:
        return None
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        x=alt.X("batch:Q", title="images a step").scale(type="log", base=2),
        y=alt.Y("images_per_s:Q", title="images/s").scale(type="log"),
        color=backend_colour(colours),
    )
    band = base.mark_errorband().encode(y="images_low:Q", y2="images_high:Q")
    chart = alt.layer(band, base.mark_line(point=True)).properties(width=WIDTH, height=260)
    return Chart(
        "over-batch",
        "Throughput against batch",
        "Both axes are logarithmic; bands are 95 % intervals.",
        chart.to_dict(),
        ("label", "batch", "images_per_s", "images_low", "images_high"),
        free=("batch",),
    )


def backend_colour(colours: Colours) -> Any:
    """The colour that a backend has everywhere."""
    import altair as alt

    names = list(colours)
    return alt.Color("backend:N", title=None).scale(
        domain=names, range=[colours[name] for name in names]
    )


QUESTIONS: tuple[Callable[[Sequence[Case], Colours], Chart | None], ...] = (throughput_over_batch,)


def charts(rows: Sequence[Case], colours: Colours) -> list[Chart]:
    """The charts that these rows have an answer for."""
    return [chart for ask in QUESTIONS if (chart := ask(rows, colours)) is not None]
