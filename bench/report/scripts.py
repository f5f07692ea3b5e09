"""The scripts that the page carries, and what its browser lets run: these and no others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from bench.files import replacing
from bench.report.charts import PAGE_INK
from mnist_core.data.cache import cache_folder
from mnist_core.errors import OutputError

LOOK = {
    "aria": False,  # the page names each chart as a whole, and its numbers stand beside it
    "axis": {
        "domainColor": PAGE_INK,
        "gridColor": PAGE_INK,
        "gridOpacity": 0.15,
        "labelColor": PAGE_INK,
        "labelOverlap": "greedy",
        "labelSeparation": 6,
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


OWN = ("data.js", "figures.js", "table.js", "case.js", "page.js")
"""The page's own scripts, which share one scope."""

_GLOBAL = "window.vegaEmbed = vegaEmbed;"


@cache
def scripts() -> tuple[str, ...]:
    """Vega with Vega-Lite and vega-embed, then the page's own; 0.9 MB."""
    own = "\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in OWN)
    return tuple(
        # What would end a script element, or begin a comment in it.
        text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
        for text in (vega(), own)
    )


def vega() -> str:
    """Vega's scripts as one, from the user's cache, since putting them together takes seconds."""
    import vl_convert

    release = version("vl-convert-python")
    made = hashlib.sha256(f"{release} {_GLOBAL}".encode()).hexdigest()[:16]
    kept = cache_folder() / f"vega-{made}.js"
    try:
        digest, _, text = kept.read_text(encoding="utf-8").partition("\n")
        if digest == _digest(text):
            return text
    except (OSError, ValueError):
        pass  # not kept yet, or damaged
    text = str(vl_convert.javascript_bundle(_GLOBAL))
    # What cannot be kept is put together again next time.
    with suppress(OSError, OutputError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary:
            temporary.write_text(f"{_digest(text)}\n{text}", encoding="utf-8")
    return text


def policy(texts: Sequence[str]) -> str:
    """The page's content security policy: nothing is loaded, and no script runs but these."""
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in texts)
    allowed = f"; script-src {hashes}" if texts else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:{allowed}"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
