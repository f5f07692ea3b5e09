"""Rows of a result set, and the page made of them as a parser sees it."""

import json
import re
from html.parser import HTMLParser

import pandas as pd

from bench import report
from bench.columns import COLUMNS, SAMPLE_COLUMNS
from bench.report import samples

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style></svg><!-- \" ' & {{ 7 * 7 }} ${x}",
    "x" * 300,
    "\u202eשלום",
]
REASON = "dense/blocked: row 96 of 97 differs"
RUN = "a"


SPEEDS = {"numpy": 1, "numba-2": 2.5, "numba-10": 3.25, "peer|lib": 0.75}
"""Backends of the page that is looked at in a browser, and times as fast as NumPy."""


def row(backend, times=None, ci=0.02, **values):
    """One case; `times` as fast as NumPy, which takes 0.3 s, with ±1 % around it."""
    case = dict.fromkeys(COLUMNS) | {
        "schema": 1, "run_id": RUN, "backend": backend, "role": "own", "level": "epoch",
        "network": "784-128-64-10", "batch": 128, "precision": "float32", "threads": 2,
        "data": "mnist", "seed": 0, "status": "ok", "baseline": "numpy",
    }  # fmt: skip
    if times is not None:
        median = 0.3 / times
        case |= {
            "median_s": median, "ci_low_s": median * 0.99, "ci_high_s": median * 1.01,
            "images_per_s": 60_000 / median, "certificate": "float32", "error_ratio": 0.9,
            "speedup": times, "speedup_ci_low": times * (1 - ci),
            "speedup_ci_high": times * (1 + ci),
        }  # fmt: skip
    return case | values


def refused(backend, **values):
    return row(backend, status="refused", reason=REASON) | values


def frame(*rows):
    return pd.DataFrame(list(rows), columns=COLUMNS)


def taken(count, backend="numpy", **values):
    """Samples of `row`, a second and a bit each, in rounds of two."""
    case = row(backend, 1) | values
    return [
        dict.fromkeys(SAMPLE_COLUMNS)
        | {name: case[name] for name in samples.IDENTITY}
        | {"pass": 1, "round": i // 2, "block": i % 2, "seconds": 1 + i / 1000}
        for i in range(count)
    ]


def page(*rows, certificates=(), environment=None):
    return report.render(frame(*rows), list(certificates), {RUN: environment or {}})


def without_scripts(html):
    """The page as it stands where no script runs."""
    return re.sub(r"<script.*?</script>\n?", "", html, flags=re.DOTALL)


def island(html, name):
    """What the page's scripts read under a name."""
    pattern = f'<script type="application/json" id="{name}">(.*?)</script>'
    (found,) = re.findall(pattern, html, re.DOTALL)
    return json.loads(found)


def records(html, table="rows"):
    """The rows of a table of the page as its scripts read them."""
    found = island(html, table)
    whole = {
        name: column
        if isinstance(column, list)
        else [column["values"][i] for i in column.get("at", [0] * found["count"])]
        for name, column in found["columns"].items()
    }
    return [{name: values[i] for name, values in whole.items()} for i in range(found["count"])]


class Page(HTMLParser):
    """Elements, attributes, texts and table rows of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.rows, self.texts = [], [], [], [], []
        self.scripts = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append((dict(attrs).get("class"), []))
        if tag in ("td", "th"):
            self.rows[-1][1].append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts.append(data)
            return
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def cells(self, backend):
        """Cells of the first row of a backend."""
        return next(cells for _, cells in self.rows if cells[0].strip().startswith(backend))


def thousand_rows():
    levels = ("epoch", "step", "forward", "backward", "operator")
    return [
        row(backend, 1 + i / 10, level=level, batch=batch, seed=seed, kernel="blocked")
        for i, backend in enumerate(["numpy", *"abcdefghi"])
        for level in levels
        for batch in (16, 32, 64, 128, 256)
        for seed in range(4)
    ]


def html(folder):
    """The page of a folder."""
    return (folder / "report.html").read_text(encoding="utf-8")
