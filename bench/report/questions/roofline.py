"""What the machine allows: the operators under its measured roofs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.peaks import roofline
from bench.report.cases import Case, natural, real
from bench.report.charts import PAGE_INK
from bench.report.digits import plain
from bench.report.explore import ROWS, Chart
from bench.report.questions import channels
from bench.report.questions.run import Run
from bench.suite import CACHES

HEIGHT, NAMES = 370, 120
"""Pixels of the chart, and of them for the operators' names."""

Point = dict[str, str | float]


def operator_roofline(run: Run) -> Chart | None:
    """Which operators memory holds back, and which arithmetic."""
    import altair as alt

    rows = run.having("flops_executed", "bytes", levels=("operator",))
    lines = all_roofs(run.peaks, rows)
    if not lines:
        return None
    x, y = axes(rows, lines)
    base = (
        channels.rows_chart()
        .transform_calculate(
            intensity="datum.flops_executed / datum.bytes",
            gflops="datum.flops_executed / datum.median_s / 1e9",
        )
        .encode(x=x, y=y)
    )
    layers = alt.layer(drawn(lines).encode(x=x, y=y), points(base, run, rows), named(base))
    return Chart(
        "roofline",
        "Roofline of the operators",
        "Each operator under what this machine was measured to allow, from its last cache and "
        "from memory; what stays in nearer caches may be above."
        + channels.peers(rows, "Hollow points are peers."),
        channels.finished(layers, HEIGHT),
        ("label", "what", "cache", "flops_executed", "bytes", "median_s", "pct_peak"),
        free=("operator", "cache"),
        levels=("operator",),
        needs=("flops_executed", "bytes"),
    )


def axes(rows: Iterable[Case], lines: Iterable[Point]) -> tuple[Any, Any]:
    """Axes that hold all points and roofs, with room above for the operators' names."""
    import altair as alt

    reach = [float(line["intensity"]) for line in lines]
    rates = [float(case["flops_executed"]) / float(case["median_s"]) / 1e9 for case in rows]
    rates += [float(line["gflops"]) for line in lines]
    low, top = min(rates) / 1.5, max(rates) * 1.5
    high = top * (top / low) ** (NAMES / (HEIGHT - NAMES))
    x = (
        alt.X("intensity:Q", title="operations a byte")
        .scale(type="log", domain=[min(reach), max(reach)], nice=False)
        .axis(format="~g", tickCount=3)
    )
    y = (
        alt.Y("gflops:Q", title="GFLOP/s, executed")
        .scale(type="log", domain=[low, high], nice=False)
        .axis(format="~g", values=[10.0**n for n in range(-9, 10) if low < 10.0**n < top])
    )
    return x, y


def drawn(lines: list[Point]) -> Any:
    """The roofs of the runs that the rows are of."""
    import altair as alt

    of_rows = alt.LookupData(alt.NamedData(ROWS), key="run_id", fields=["status"])
    sources = alt.StrokeDash("source:N", title="roof").scale(
        domain=["cache", "memory"], range=[[1, 0], [6, 3]]
    )
    return (
        alt.Chart(alt.InlineData(values=lines))
        .transform_lookup("run_id", from_=of_rows)
        .transform_filter("isValid(datum.status)")
        .mark_line(color=PAGE_INK, strokeWidth=1.5)
        .encode(detail=["roof:N", "run_id:N"], strokeDash=sources)
    )


def points(base: Any, run: Run, rows: Iterable[Case]) -> Any:
    """A point for each operator, backend and state of the cache."""
    import altair as alt

    listed = list(rows)
    caches = [name for name in CACHES if any(case["cache"] == name for case in listed)]
    shape = alt.Shape("cache:N").scale(domain=caches, range=["circle", "triangle-down"])
    return base.mark_point(size=60, opacity=1).encode(
        color=channels.backend_colour(run.colours, listed),
        fill=channels.backend_colour(run.colours, listed),
        fillOpacity=channels.hollow(),
        shape=shape if len(caches) > 1 else shape.legend(None),
        tooltip=channels.tooltip(("gflops", "GFLOP/s"), ("intensity", "operations a byte")),
    )


def named(base: Any) -> Any:
    """The operators' names at the top, each above the line that its points stand on."""
    import altair as alt

    once = base.transform_aggregate(intensity="min(intensity)", groupby=["operator", "level"])
    names = once.mark_text(
        color=PAGE_INK, fontSize=10, align="right", baseline="bottom", angle=270, dx=-3, limit=NAMES
    ).encode(y=alt.value(0), text="operator:N")
    return alt.layer(
        once.mark_rule(color=PAGE_INK, opacity=0.15).encode(y=alt.value(0), y2=alt.value(HEIGHT)),
        names,
    )


def all_roofs(peaks: Mapping[str, Any], rows: Sequence[Case]) -> list[Point]:
    """Corners of the roofs of all runs, as wide as the rows are apart."""
    intensities = [float(case["flops_executed"]) / float(case["bytes"]) for case in rows]
    if not intensities:
        return []
    reach = min(intensities) / 2, max(intensities) * 2
    return [
        corner | {"run_id": run_id}
        for run_id, devices in peaks.items()
        for device, limits in known_peaks(
            devices, [case for case in rows if plain(case.get("run_id")) == run_id]
        ).items()
        for corner in roofs(device, limits, reach)
    ]


def known_peaks(found: Any, rows: Iterable[Case]) -> dict[str, Mapping[str, float]]:
    """Of a run's peaks those of devices that occur, where all of them are numbers."""
    devices = sorted({str(case.get("device")) for case in rows}, key=natural)
    needed = ("gflops", "cache_gbytes_per_s", "memory_gbytes_per_s")
    return {
        device: found[device]
        for device in devices
        if isinstance(found, Mapping)
        and isinstance(found.get(device), Mapping)
        and all(0 < real(found[device].get(name)) < math.inf for name in needed)
    }


def roofs(device: str, peaks: Mapping[str, float], reach: tuple[float, float]) -> list[Point]:
    """Corners of a device's two roofs: as if all bytes came from the last cache, or from memory."""
    corners: list[Point] = []
    for source in ("cache", "memory"):
        bandwidth = peaks[f"{source}_gbytes_per_s"]
        limits = {**peaks, "cache_gbytes_per_s": bandwidth, "cache_bytes": math.inf}
        ridge = peaks["gflops"] / bandwidth
        for intensity in sorted({reach[0], min(max(ridge, reach[0]), reach[1]), reach[1]}):
            rate = roofline(intensity, 1.0, limits)["roof_gflops"]
            corners.append(
                {
                    "roof": f"{device}, {source}",
                    "source": source,
                    "intensity": intensity,
                    "gflops": rate,
                }
            )
    return corners
