"""The HTML report: what it says, that its figures are the frame's, and that nothing gets out."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from bench import report
from bench.report import cases, charts, digits, headline

COLUMNS = re.findall(
    r"\w+",
    """
schema run_id timestamp commit dirty machine device backend backend_version role kernel level
operator network batch precision threads data seed cache status reason rounds iterations median_s
q1_s q3_s ci_low_s ci_high_s noise_floor host_s device_s compile_s images_per_s flops
flops_executed bytes gflops gbytes_per_s pct_peak peak_memory_bytes baseline speedup
speedup_ci_low speedup_ci_high error_ratio certificate
""",
)

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style></svg><!-- \" ' & {{ 7 * 7 }} ${x}",
    "x" * 300,
    "\u202eשלום",
]
REASON = "dense/blocked: row 96 of 97 differs"


def row(backend, times=None, ci=0.02, **values):
    """One case; `times` as fast as NumPy, which takes 0.3 s, with ±1 % around it."""
    case = dict.fromkeys(COLUMNS) | {
        "schema": 1, "run_id": "a", "backend": backend, "role": "own", "level": "epoch",
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


def page(*rows, certificates=(), environment=None):
    return report.render(frame(*rows), list(certificates), environment or {})


class Page(HTMLParser):
    """Elements, attributes, texts and table rows of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.rows, self.texts = [], [], [], [], []
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
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def cells(self, backend):
        """Cells of the first row of a backend."""
        return next(cells for _, cells in self.rows if cells[0].strip().startswith(backend))


SENTENCES = {
    "two backends": (
        [row("numpy", 1), row("numba", 1.6, 1 / 16)],
        "On this machine numba trains 1.6× [1.5, 1.7] as fast as NumPy at batch 128; "
        "both backends computed the same training.",
    ),
    "three backends, a peer wins": (
        [row("numpy", 1), row("numba", 1.6), row("jax", 2, role="peer")],
        "On this machine jax (peer) trains 2.00× [1.96, 2.04] as fast as NumPy at batch 128; "
        "all 3 backends computed the same training.",
    ),
    "no difference": (
        [row("numpy", 1), row("numba", 1.01)],
        "On this machine numba trains 1.01× [0.99, 1.03] as fast as NumPy at batch 128, "
        "which is no clear difference; both backends computed the same training.",
    ),
    "the baseline wins": (
        [row("numpy", 1), row("plain", 0.5)],
        "On this machine NumPy is the fastest: plain trains 0.50× [0.49, 0.51] as fast as NumPy "
        "at batch 128; both backends computed the same training.",
    ),
    "bit for bit": (
        [row("numpy", 1, certificate="exact:00ff"), row("numba", 2, certificate="exact:00ff")],
        "On this machine numba trains 2.00× [1.96, 2.04] as fast as NumPy at batch 128; "
        "both backends computed the same training, bit for bit.",
    ),
    "without a certificate": (
        [row("numpy", 1), row("a", 2, certificate=None), row("b", 1.5, certificate="")],
        "On this machine a trains 2.00× [1.96, 2.04] as fast as NumPy at batch 128; "
        "a and b have no certificate of the same training.",
    ),
    "only NumPy": (
        [row("numpy", 1)],
        "On this machine NumPy trains on 200,000 images/s [198,000, 202,000] at batch 128; "
        "no other backend was timed.",
    ),
    "no baseline": (
        [row("a", 2, speedup=math.nan), row("b", 1, speedup=None)],
        "On this machine a is the fastest of 2 backends: it trains on 400,000 images/s "
        "[396,000, 404,000] at batch 128; both backends computed the same training.",
    ),
    "operators only, without throughput": (
        [row("a", 2, level="operator", operator="dense", images_per_s=None, speedup=None)],
        "On this machine a computes dense in 150 ms [148, 152] at batch 128; "
        "no other backend was timed.",
    ),
    "a refused backend is not counted": (
        [row("numpy", 1), row("numba", 2), refused("mine")],
        "On this machine numba trains 2.00× [1.96, 2.04] as fast as NumPy at batch 128; "
        "both backends computed the same training.",
    ),
    "nothing timed": ([refused("mine")], "Nothing was timed."),
    "nothing": ([], "Nothing was measured: there are no rows."),
}


@pytest.mark.parametrize(("rows", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_sentence(rows, sentence):
    assert headline.headline(cases.tidy(frame(*rows))) == sentence
    assert sentence in Page(page(*rows)).text


def test_reasons_stand_under_the_sentence_once():
    absent = row("cupy", status="unavailable", reason="no CUDA device")
    text = Page(page(row("numpy", 1), refused("mine"), refused("mine", level="step"), absent)).text
    top = text[: text.index("Images per second")]
    assert top.count(f"mine was refused: {REASON}") == 1
    assert "cupy was unavailable: no CUDA device" in top


def test_all_refused_gives_reasons_and_no_chart():
    found = Page(page(refused("mine"), row("b", status="failed", reason="killed")))
    assert "svg" not in found.tags
    assert f"mine was refused: {REASON}" in found.text
    assert "b failed: killed" in found.text


@pytest.mark.parametrize("rows", [pd.DataFrame(), frame()])
def test_empty_frame(rows):
    found = Page(report.render(rows, [], {}))
    assert "Nothing was measured" in found.text
    assert not {"svg", "table"} & set(found.tags)


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.6123, 1.5, 1.7, "1.6 [1.5, 1.7]"),
        (1.6123, 1.56, 1.66, "1.61 [1.56, 1.66]"),
        (298_123, 294_000, 302_500, "298,000 [294,000, 302,000]"),
        (0.2, -3, 4, "0.2 [-3.0, 4.0]"),
        (30, 3, 33, "30 [3, 33]"),
        (1.4, 0.02, 2.8, "1.40 [0.02, 2.80]"),
        (1.4, 1e-9, 2.8, "1.400 [0.000, 2.800]"),
        (1234.5678, 1234.5677, 1234.5679, "1,235 [1,235, 1,235]"),
        (1234.5678, math.nan, math.nan, "1,230"),
        (math.nan, 1, 2, ""),
    ],
)
def test_no_more_digits_than_the_interval_supports(value, low, high, text):
    assert digits.measured(value, low, high) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2.5, "2.50 s"), (0.091, "91.0 ms"), (78e-6, "78.0 µs"), (5e-9, "5.00 ns")]
)
def test_units_of_time(value, text):
    assert digits.seconds(value, math.nan, math.nan) == text


def test_figures_are_those_of_the_frame():
    rows = [row("numpy", 1), row("numba", 1.61, 0.03), row("fast", 234.5), row("slow", 0.0123)]
    found = Page(page(*rows))
    for case in rows:
        _, taken, images, speedup, certificate = found.cells(case["backend"])
        value, unit, low, high = re.fullmatch(r"(\S+) (\w+) \[(\S+), (\S+)\]", taken).groups()
        size = dict(digits.TIME_UNITS)[unit]
        width = case["ci_high_s"] - case["ci_low_s"]
        for shown, column in ((value, "median_s"), (low, "ci_low_s"), (high, "ci_high_s")):
            assert float(shown.replace(",", "")) * size == pytest.approx(
                case[column], abs=width / 4
            )
        assert float(images.replace(",", "")) == pytest.approx(case["images_per_s"], rel=0.005)
        assert float(speedup.split("×")[0]) == pytest.approx(case["speedup"], rel=0.02)
        assert certificate == "float32 · 0.90× NumPy’s error"


def test_refused_row_stands_out_and_has_no_figures():
    found = Page(page(row("numpy", 1), refused("mine")))
    assert ("refused", [found.cells("mine")[0], f"refused: {REASON}"]) in found.rows


def test_intervals_in_the_chart_are_those_of_the_frame():
    (case,) = cases.tidy(frame(row("numpy", 1)))
    bar = charts.bar(0, case, {"numpy": "#000"})
    assert (bar["low"], bar["images"], bar["high"]) == pytest.approx(
        (60_000 / (0.3 * 1.01), 200_000, 60_000 / (0.3 * 0.99))
    )


@pytest.mark.parametrize("value", [None, math.nan, pd.NA, pd.NaT, "", math.inf, -1.0, 0.0])
def test_figures_that_make_no_sense_do_not_stop_the_page(value):
    odd = dict.fromkeys(("ci_low_s", "speedup", "speedup_ci_low", "reason", "threads"), value)
    rows = frame(row("numpy", 1), row("a", 2, **odd))
    found = Page(report.render(rows, [], {}))
    assert found.cells("a")[1][3:6] == " ms"
    assert not {"None", "nan", "<NA>", "NaT"} & set(found.text.split())
    assert charts.point(0, cases.tidy(rows)[0], {"a": "#000"})["low"] is None


def test_nullable_columns_read_the_same():
    rows = frame(row("numpy", 1), row("a", 2, threads=4), row("b", 3, threads=None), refused("c"))
    assert report.render(rows.convert_dtypes(), [], {}) == report.render(rows, [], {})


def test_peers_are_marked():
    own, peer = page(row("numpy", 1), row("a", 2)), page(row("numpy", 1), row("a", 2, role="peer"))
    for mark in ("(peer)", 'stroke-dasharray="4,3"', 'fill="none" stroke="#0072B2"', "hollow"):
        assert mark in peer
        assert mark not in own
    assert "(peer)" in Page(peer).cells("a")[0]


def test_a_backend_has_one_colour_everywhere():
    html = page(row("numpy", 1), row("a", 2), row("b", 3), row("b", 3, level="step"))
    swatches = re.findall(r"--colour: (#\w+)\"></span><bdi>(\w+)", html)
    assert dict(map(reversed, swatches)) == {"numpy": "#8c8c8c", "a": "#0072B2", "b": "#E69F00"}
    assert len(set(swatches)) == 3
    assert all(f'fill="{colour}"' in html for colour, _ in swatches)


def test_one_chart_for_each_batch_in_natural_order():
    rows = [row(b, s, batch=n) for n in (1024, 32, 128) for b, s in (("numpy", 1), ("a", 2))]
    html = page(*rows)
    titles = re.findall(r"<figcaption><bdi>(.*?)</bdi>", html)
    assert titles == ["batch 32", "batch 128", "batch 1024"] * 2


def test_falls_back_to_the_most_composed_level_measured():
    rows = [row("numpy", 1, level=level) for level in ("operator", "forward", "step")]
    assert "Images per second, step" in page(*rows)


def test_cases_with_the_same_words_are_drawn_apart():
    html = page(row("numpy", 1), row("a", 2, device="gpu 0"), row("a", 3, device="gpu 1"))
    bars = re.findall(r'd="M0,([\d.]+)h[^"]*" fill="(#\w+)"', html)
    assert len(set(bars)) == 3


def test_hostile_text_is_only_text():
    rows = [
        row(text, 2 + i, kernel=text, role="peer", data=text) for i, text in enumerate(HOSTILE)
    ] + [
        row(text, 2, level="operator", operator=text, kernel=text, certificate=text)
        for text in HOSTILE
    ] + [refused("bad", reason=text, level=text) for text in HOSTILE]  # fmt: skip
    certificates = [
        {
            "backend": text, "claim": text, "reason": text, "batch": text, "hashes": {text: text},
            "checks": [{"name": text, "kind": text, "detail": text}],
        }
        for text in HOSTILE
    ]  # fmt: skip
    environment = {text: {text: [text]} for text in HOSTILE}
    environment |= {"warnings": HOSTILE, "command": HOSTILE[1], "machine": HOSTILE[0]}
    html = page(*rows, certificates=certificates, environment=environment)
    found = Page(html)
    assert not found.open
    assert "script" not in found.tags
    assert found.tags.count("style") == found.tags.count("title") == 1
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not re.search(r"<!--|{{|\b49\b", re.sub(r"&lt;!--.*?}}", "", html))
    for text in HOSTILE:
        assert text in "".join(found.texts)


def test_hostile_text_in_charts_is_only_text():
    rows = [row(text, 2 + i, batch=text) for i, text in enumerate(HOSTILE)]
    svg = report.figure(frame(*rows), "svg").decode()
    tags = {element.tag.split("}")[1] for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "g", "path", "text", "tspan", "line", "rect"}
    assert "<script" not in svg
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in svg


def test_loads_nothing():
    rows = [row("numpy", 1), row("a", 2), row("a", 2, kernel="https://example.org/x.js")]
    found = Page(page(*rows, environment={"source": "http://example.org"}))
    loads = [value for name, value in found.attributes if name in ("src", "href", "xlink:href")]
    assert loads
    assert all(value.startswith("#") for value in loads)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not re.search(r"@import|url\(", page(*rows))
    policy = dict(found.attributes)["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def thousand_rows():
    levels = ("epoch", "step", "forward", "backward", "operator")
    return [
        row(backend, 1 + i / 10, level=level, batch=batch, seed=seed, kernel="blocked")
        for i, backend in enumerate(["numpy", *"abcdefghi"])
        for level in levels
        for batch in (16, 32, 64, 128, 256)
        for seed in range(4)
    ]


def test_thousand_rows_stay_small_and_say_what_is_not_drawn():
    html = page(*thousand_rows())
    assert len(html.encode()) < 2e6
    assert html.count('<tr class="ok">') == 1000
    assert "160 more in the tables below" in html


def test_verification_shows_every_check():
    checks = [
        {"name": "dense", "kind": "operator", "passed": True, "error_ratio": 0.93},
        {"name": "relu", "kind": "operator", "passed": False, "detail": "row 3"},
        {"name": "50 steps", "kind": "trajectory", "passed": True, "error_ratio": 1e9},
    ]
    certificates = [
        {"backend": "numpy", "claim": "float32", "passed": True, "hashes": {"data": "ab" * 32}},
        {"backend": "mine", "claim": "float32", "reason": "no", "checks": checks},
        {},
    ]
    found = Page(page(row("numpy", 1), certificates=certificates))
    assert [" ".join(cell.split()) for cell in found.cells("mine")[1:]] == [
        "float32 failed: no", "1 of 2", "1 of 1", "",
    ]  # fmt: skip
    assert [" ".join(cell.split()) for cell in found.cells("relu")] == [
        "relu", "operator", "failed", "", "row 3",
    ]  # fmt: skip
    assert found.cells("dense")[3] == "0.93"
    assert found.cells("50 steps")[3] == "1.0e+09"
    assert "ab" * 8 in found.text


def test_environment_is_shown_whole():
    environment = {
        "machine": {"cpu": "EPYC", "cores": 2, "memory_bytes": 2**34, "governor": None},
        "packages": {"numpy": "2.4.6"},
        "blas": [{"name": "OpenBLAS"}],
        "data": {"name": "mnist", "zeros": 0.809},
        "command": "mnist-bench run --quick",
        "dirty": False,
        "warnings": ["load average 1.8"],
    }
    text = Page(page(row("numpy", 1), environment=environment)).text
    assert "EPYC · 2 cores · 16 GiB · NumPy 2.4.6" in text
    assert "mnist · 81% zeros · network 784-128-64-10 · batch 128 · float32" in text
    for words in ("governor not known", "OpenBLAS", "dirty no", "memory 16 GiB"):
        assert words in text
    assert text.index("Warning: load average 1.8") < text.index("Images per second")
    assert "To run it again: mnist-bench run --quick" in text


def test_tables_and_charts_are_accessible():
    html = page(row("numpy", 1), row("a", 2), certificates=[{"backend": "numpy"}])
    found = Page(html)
    assert ("lang", "en") in found.attributes
    assert found.tags.count("caption") == found.tags.count("table") > 2
    assert html.count("<th") - html.count("<thead") == html.count("<th scope=")
    assert html.count('role="img" aria-label=') == found.tags.count("svg") == 2
    headings = [int(tag[1]) for tag in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == headings.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(headings))


def test_write_is_atomic(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("old")

    def full_disk(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full_disk)
        with pytest.raises(OSError, match="No space"):
            report.write(target, frame(row("numpy", 1)), [], {})
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    report.write(str(target), frame(row("numpy", 1)), [], {})
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_figure_for_a_readme():
    rows = frame(row("numpy", 1), row("numba", 2))
    assert report.figure(rows, "png").startswith(b"\x89PNG")
    svg = ElementTree.fromstring(report.figure(rows, "svg"))
    assert {"numpy", "numba", "400,000"} <= {"".join(element.itertext()) for element in svg.iter()}
    with pytest.raises(ValueError, match="no throughput"):
        report.figure(frame(refused("mine")), "svg")


def test_import_is_light():
    code = "import sys, bench.report as r; r.__doc__; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"altair", "jinja2", "pandas", "vl_convert"} & set(modules)


PROBE = """<!DOCTYPE html><body style="margin: 0">
<iframe src="report.html" style="width: 390px; height: 800px; border: 0"></iframe>
<script>
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument;
  const root = page.documentElement;
  const bars = [...page.querySelectorAll("svg .mark-rect path")].filter(bar => bar.getBBox().width);
  const seen = {
    overflow: root.scrollWidth - root.clientWidth,
    charts: [...page.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect().width),
    bars: bars.map(bar => page.defaultView.getComputedStyle(bar).fill),
    ink: page.defaultView.getComputedStyle(page.querySelector("svg text")).fill,
    scripts: page.querySelectorAll("script").length,
  };
  document.body.textContent = JSON.stringify(seen);
});
</script>"""


def browse(folder, *options):
    """Open the report in a frame as wide as a phone; return what was seen there, and the log."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    (folder / "probe.html").write_text(PROBE)
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--allow-file-access-from-files", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom",
            (folder / "probe.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    seen = re.search(r"<body[^>]*>(.*)</body>", done.stdout, re.DOTALL).group(1)
    return json.loads(seen), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.long
@pytest.mark.parametrize(("scheme", "ink"), [(1, "rgb(31, 35, 40)"), (0, "rgb(230, 237, 243)")])
def test_opens_from_disk_in_a_browser(tmp_path: Path, scheme, ink):
    rows = [row("numpy", 1), *(row(text, 2, kernel=text) for text in HOSTILE), refused(HOSTILE[2])]
    report.write(tmp_path / "report.html", frame(*rows), [], {"warnings": HOSTILE})
    seen, complaints = browse(tmp_path, f"--blink-settings=preferredColorScheme={scheme}")
    assert not complaints
    assert seen["overflow"] == 0
    assert seen["scripts"] == 0
    assert len(seen["charts"]) == 2
    assert all(200 < width <= 390 for width in seen["charts"])
    assert len(set(seen["bars"])) == 5
    assert seen["ink"] == ink


@pytest.mark.long
def test_thousand_rows_take_under_three_seconds():
    rows = frame(*thousand_rows())
    start = time.process_time()
    report.render(rows, [], {})
    assert time.process_time() - start < 3
