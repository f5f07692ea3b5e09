"""The HTML report: what it says, that its figures are the frame's, and that nothing gets out."""

import base64
import hashlib
import math
import os
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest
from report_page import (
    HOSTILE,
    REASON,
    Page,
    frame,
    page,
    records,
    refused,
    row,
    thousand_rows,
    without_scripts,
)

from bench import report
from bench.report import cases, charts, digits, scripts


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


def test_what_was_unavailable_is_said_once():
    levels = ("epoch", "step")
    absent = [row("cupy", level=name, status="unavailable", reason="no GPU") for name in levels]
    assert without_scripts(page(row("numpy", 1), *absent)).count("no GPU") == 1


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
    pages = [page(row("numpy", 1), row("a", 2, role=role)) for role in ("own", "peer")]
    own, peer = map(without_scripts, pages)
    for mark in ("(peer)", 'stroke-dasharray="4,3"', 'fill="none" stroke="#0072B2"', "hollow"):
        assert mark in peer
        assert mark not in own
    assert "(peer)" in Page(peer).cells("a")[0]


def test_a_backend_has_one_colour_everywhere():
    html = page(row("numpy", 1), row("a", 2), row("b", 3), row("b", 3, level="step"))
    swatches = re.findall(r"--colour: (#\w+)\"></i><bdi>(\w+)", html)
    assert dict(map(reversed, swatches)) == {"numpy": "#666666", "a": "#0072B2", "b": "#E69F00"}
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
    inert, running = found.scripts[:-2], tuple(found.scripts[-2:])
    assert running == scripts.scripts()
    assert found.tags.count("script") == len(found.scripts)
    assert found.attributes.count(("type", "application/json")) == len(inert)
    assert not any("<" in text for text in inert)
    assert {record["backend"] for record in records(html)} == {*HOSTILE, "bad"}
    assert found.tags.count("style") == found.tags.count("title") == 1
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not re.search(r"<!--|{{|\b49\b", re.sub(r"&lt;!--.*?}}", "", without_scripts(html)))
    for text in HOSTILE:
        assert text in "".join(found.texts)


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__"])
def test_names_that_every_object_has_are_drawn(name):
    rows = [
        row(backend, times, level="operator", operator=operator, kernel=name)
        for operator in ("dense", name)
        for backend, times in (("numpy", 1), (name, 2))
    ]
    assert f">{name}<" in without_scripts(page(*rows)).replace("> ", ">")


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
    assert not {"link", "img", "iframe", "object"} & set(found.tags)
    assert not re.search(r"@import|url\(", without_scripts(page(*rows)))
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in scripts.scripts()
    ]
    allowed = " ".join(f"'sha256-{text}'" for text in hashes)
    assert dict(found.attributes)["content"] == (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}"
    )


def test_without_a_time_nothing_runs():
    found = Page(page(refused("mine")))
    assert "script" not in found.tags
    assert "script-src" not in dict(found.attributes)["content"]


def test_thousand_rows_stay_small_and_say_what_is_not_drawn():
    html = page(*thousand_rows())
    assert len(html.encode()) < 2e6
    assert html.count('<tr class="ok"') == 1000
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
    html = without_scripts(page(row("numpy", 1), row("a", 2), certificates=[{"backend": "numpy"}]))
    found = Page(html)
    assert ("lang", "en") in found.attributes
    assert found.tags.count("caption") == found.tags.count("table") > 2
    assert html.count("<th") - html.count("<thead") == html.count("<th scope=")
    assert found.tags.count("svg") == 2
    samples, explored = 2, 2  # charts that the scripts fill
    assert html.count('role="img" aria-label=') == 2 + samples + explored
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
