"""What speed costs: compiling, and memory."""

from __future__ import annotations

from typing import Any, Literal

from bench.report.cases import LEVELS
from bench.report.explore import Chart
from bench.report.questions import channels
from bench.report.questions.run import Run


def compile_time(run: Run) -> Chart | None:
    """How long first calls take."""
    if not run.having("compile_s"):
        return None
    spec = bars(run, "sum", "datum.compile_s", "seconds", channels.seconds("datum.most", ".2"))
    return Chart(
        "compile-time",
        "Compiling",
        "What the first calls of all that was timed took together, once. Code that is kept on disk "
        "is only loaded; what two backends share is compiled by the one that comes first.",
        spec,
        ("label", "what", "compile_s"),
        free=("level", "operator", "cache"),
        levels=LEVELS,
        needs=("compile_s",),
    )


def peak_memory(run: Run) -> Chart | None:
    """How much memory a backend's process came to hold."""
    if not run.having("peak_memory_bytes"):
        return None
    mebibytes = "datum.peak_memory_bytes / 1048576"
    spec = bars(run, "max", mebibytes, "MiB", "format(datum.most, ',.3~r')")
    return Chart(
        "peak-memory",
        "Peak memory",
        "The most that a backend's process held, or its device's memory.",
        spec,
        ("label", "what", "peak_memory_bytes"),
        needs=("peak_memory_bytes",),
    )


def bars(run: Run, op: Literal["sum", "max"], value: str, unit: str, figure: str) -> dict[str, Any]:
    """A bar for each backend, with the figure behind it, of the sum or the largest of its rows."""
    import altair as alt

    rows = run.having("median_s")
    base = (
        channels.rows_chart()
        .transform_calculate(value=value)
        .transform_aggregate(most=f"{op}(value)", groupby=["name", "backend", "role"])
        .encode(y=channels.names("most"), x=alt.X("most:Q", title=unit, stack=None))
    )
    drawn = base.mark_bar(strokeWidth=1).encode(
        color=channels.plain_colour(run.colours, rows),
        stroke=channels.plain_colour(run.colours, rows),
        fillOpacity=channels.hollow(0.25),
        strokeDash=channels.dash(),
        tooltip=[alt.Tooltip("name:N", title="backend"), alt.Tooltip("most:Q", title=unit)],
    )
    figures = channels.figures(base, figure, "most")
    return channels.finished(drawn + figures, channels.height(rows, 24))
