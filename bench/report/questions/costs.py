"""What speed costs: compiling, and memory."""

from __future__ import annotations

from typing import Any

from bench.report.explore import Chart
from bench.report.questions import channels
from bench.report.questions.run import Run


def compile_time(run: Run) -> Chart | None:
    """How long a first call takes."""
    if not run.having("compile_s"):
        return None
    spec = bars(run, "datum.compile_s", "seconds", channels.seconds("datum.most", ".2"))
    return Chart(
        "compile-time",
        "Compiling",
        "What the first call takes, once; where compiled code is kept on disk, its loading.",
        spec,
        ("label", "what", "compile_s"),
        needs=("compile_s",),
    )


def peak_memory(run: Run) -> Chart | None:
    """How much memory a backend's process came to hold."""
    if not run.having("peak_memory_bytes"):
        return None
    mebibytes = "datum.peak_memory_bytes / 1048576"
    spec = bars(run, mebibytes, "MiB", "format(datum.most, ',.3~r')")
    return Chart(
        "peak-memory",
        "Peak memory",
        "The most that a backend's process held, or its device's memory.",
        spec,
        ("label", "what", "peak_memory_bytes"),
        needs=("peak_memory_bytes",),
    )


def bars(run: Run, value: str, unit: str, figure: str) -> dict[str, Any]:
    """A bar for each backend, with the figure behind it; of several rows the largest counts."""
    import altair as alt

    rows = run.having("median_s")
    base = (
        channels.rows_chart()
        .transform_calculate(value=value)
        .transform_aggregate(most="max(value)", groupby=["name", "backend", "role"])
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
