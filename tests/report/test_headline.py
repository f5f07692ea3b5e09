"""The sentence on top of the page."""

import math

import pytest
from report_page import Page, frame, page, refused, row

from bench.report import cases, headline
from bench.run_folder import RESUMED
from bench.words import ENDED_EARLY

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


def test_backends_that_lack_the_same_share_a_line():
    lacking = {"status": "unavailable", "reason": "no CUDA device"}
    rows = [row("numpy", 1), row("cupy", **lacking), row("cupy-raw", **lacking), refused("mine")]
    text = Page(page(*rows)).text
    assert "cupy and cupy-raw were unavailable: no CUDA device" in text
    assert "mine was refused: " in text


def test_what_was_cut_short_is_said_before_its_times():
    rows = [
        row("numpy", 1, reason=ENDED_EARLY, rounds=2),
        row("numba", 2, reason=ENDED_EARLY, rounds=2),
        row("mine", 2, reason="28% of layer 1 computed", rounds=6),
        row("b", 2, reason=RESUMED),
    ]
    html = page(*rows)
    top = Page(html).text.partition("Images per second")[0]
    assert f"numba and NumPy: {ENDED_EARLY}" in top
    assert f"b: {RESUMED}" in top
    assert "2 of 4 times are of fewer than 6 rounds" in top
    assert Page(html).cells("mine")[-1].endswith("NumPy’s error · 28% of layer 1 computed")
    assert "rounds" not in Page(page(row("numpy", 1, rounds=6))).text.partition("Images")[0]


def test_no_error_is_said_in_words():
    assert Page(page(row("numpy", 1, error_ratio=0.0))).cells("numpy")[-1] == "float32 · no error"
