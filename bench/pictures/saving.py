"""Charts become files: dark ink on white, to be looked at anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.files import replacing
from bench.report.charts import PAPER_INK, styled

_SCALE = 2


def save(chart: Any, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a chart to ``name.svg`` and, at twice its size, ``name.png``; each whole or not at all.

    Raises
    ------
    OutputError
        Where the folder cannot be written to.
    """
    import vl_convert

    spec = styled(chart, PAPER_INK, "white")
    svg = str(vl_convert.vegalite_to_svg(spec)).encode()
    png = bytes(vl_convert.vegalite_to_png(spec, scale=_SCALE))
    paths = folder / f"{name}.svg", folder / f"{name}.png"
    for path, drawn in zip(paths, (svg, png), strict=True):
        with replacing(path) as temporary:
            temporary.write_bytes(drawn)
    return paths
