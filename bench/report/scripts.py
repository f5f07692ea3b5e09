"""The scripts that the page carries, and what its browser lets run: these and no others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bench.report.charts import PAGE_INK

LOOK = {
    "axis": {
        "domainColor": PAGE_INK,
        "gridColor": PAGE_INK,
        "gridOpacity": 0.15,
        "labelColor": PAGE_INK,
        "tickColor": PAGE_INK,
        "titleColor": PAGE_INK,
        "titleFontWeight": "normal",
    },
    "header": {"labelColor": PAGE_INK, "titleColor": PAGE_INK},
    "legend": {
        "labelColor": PAGE_INK,
        "titleColor": PAGE_INK,
        "orient": "bottom",
        # From the left edge of the names, one below the other: there is room for them on a phone.
        "layout": {"bottom": {"anchor": "start", "bounds": "full", "direction": "vertical"}},
    },
    "text": {"color": PAGE_INK},
    "title": {"color": PAGE_INK},
    "view": {"stroke": None},
}
"""How charts look on the page: ink is the page's own, so that one serves light, dark and print."""


_GLOBAL = "window.vegaEmbed = vegaEmbed;"


@cache
def scripts() -> tuple[str, ...]:
    """Vega with Vega-Lite and vega-embed, then the page's own; 0.9 MB."""
    import vl_convert

    own = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
    return tuple(
        # What would end a script element, or begin a comment in it.
        text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
        for text in (vl_convert.javascript_bundle(_GLOBAL), own)
    )


def policy(texts: Sequence[str]) -> str:
    """The page's content security policy: nothing is loaded, and no script runs but these."""
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in texts)
    allowed = f"; script-src {hashes}" if texts else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:{allowed}"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
