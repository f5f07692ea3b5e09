"""The roofline: each operator's rate against its operations a byte, under what the machine allows.

python -m bench.report.roofline_chart results/reference/epyc-2-cores docs/roofline.svg
"""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.files import load_json, replacing
from bench.peaks import roofline
from bench.report.cases import BASELINE_COLOUR, COLOURS
from bench.report.digits import plain
from bench.results import rooflines

_WIDTH, _HEIGHT = 520, 320
_BASELINE = "numpy"


def draw(run: Path) -> str:
    """SVG of a run's operators on the host, with the two roofs that its peaks make."""
    import altair as alt
    import vl_convert

    table = rooflines(run)
    table = table[(table.level == "operator") & (table.device == "cpu") & (table.gflops > 0)]
    table = table.assign(backend=table.backend.map(plain), operator=table.operator.map(plain))
    peaks = load_json(run, "environment.json")["peaks"]["cpu"]
    names = sorted(table.backend.unique(), key=lambda name: name != _BASELINE)
    others = cycle(COLOURS)
    colours = [BASELINE_COLOUR if name == _BASELINE else next(others) for name in names]
    reach = table.intensity.min() / 2, table.intensity.max() * 2
    points = alt.Chart(alt.InlineData(values=_points(table))).encode(
        x=_axis(alt.X("intensity:Q", title="operations a byte"), reach),
        y=alt.Y("gflops:Q", title="GFLOP/s").scale(type="log").axis(format="~g", tickCount=5),
        color=alt.Color("backend:N", title=None).scale(domain=names, range=colours),
    )
    roofs = alt.Chart(alt.InlineData(values=_roofs(peaks, reach))).encode(
        x="intensity:Q", y="gflops:Q", strokeDash=alt.StrokeDash("roof:N", title=None)
    )
    names_at = points.mark_text(align="left", dx=7, dy=-6, fontSize=10).encode(text="left:N")
    others_at = points.mark_text(align="right", dx=-7, dy=8, fontSize=10).encode(text="right:N")
    chart = alt.layer(
        roofs.mark_line(color="#57606a", strokeWidth=1.5),
        points.mark_point(filled=True, size=60, opacity=1),
        names_at,
        others_at,
    ).properties(width=_WIDTH, height=_HEIGHT, background="white")
    chart = chart.configure_axis(gridOpacity=0.4, titleFontWeight="normal")
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return svg


def _axis(channel: Any, reach: tuple[float, float]) -> Any:
    return channel.scale(type="log", domain=reach, nice=False).axis(format="~g", tickCount=6)


def _points(table: Any) -> list[dict[str, Any]]:
    """The operators' points; each one's name stands once, at the fastest backend's.

    Neighbours have theirs on different sides.
    """
    best = table.groupby("operator").gflops.transform("max")
    order = list(table.groupby("operator").intensity.median().sort_values().index)
    found = []
    for row, high in zip(table.itertuples(), best, strict=True):
        side = ("left", "right")[order.index(row.operator) % 2]
        names = {"left": "", "right": ""}
        if row.gflops == high:
            names[side] = row.operator
        point = {"intensity": row.intensity, "gflops": row.gflops, "backend": row.backend}
        found.append(point | names)
    return found


def _roofs(peaks: dict[str, float], reach: tuple[float, float]) -> list[dict[str, Any]]:
    """Corners of the roofs of the last cache and of memory."""
    found = []
    for name in ("cache", "memory"):
        # As if all bytes came from there.
        bandwidth = peaks[f"{name}_gbytes_per_s"]
        limits = peaks | {"cache_gbytes_per_s": bandwidth, "cache_bytes": float("inf")}
        ridge = peaks["gflops"] / bandwidth
        for intensity in sorted({reach[0], min(max(ridge, reach[0]), reach[1]), reach[1]}):
            roof = roofline(intensity, 1.0, limits)["roof_gflops"]
            found.append({"roof": name, "intensity": intensity, "gflops": roof})
    return found


def main() -> None:
    """Draw the run given first into the file given second."""
    run, target = map(Path, sys.argv[1:3])
    with replacing(target) as path:
        path.write_text(draw(run))


if __name__ == "__main__":
    main()
