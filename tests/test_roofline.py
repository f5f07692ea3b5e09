"""The roofline of a run shows its operators under the roofs of cache and memory."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import roofline_chart
from bench.results import load

RUN = Path(__file__).parents[1] / "results" / "reference" / "epyc-2-cores"


def test_every_operator_stands_under_both_roofs(tmp_path):
    target = tmp_path / "roofline.svg"
    command = [sys.executable, "-m", "bench.report.roofline_chart", RUN, target]
    assert subprocess.run(command, check=False).returncode == 0
    texts = re.findall(r">([^<>]+)</text>", target.read_text())
    table = load(RUN)
    operators = table[(table.level == "operator") & (table.gflops > 0)].operator.unique()
    assert {*operators, "cache", "memory", "numpy", "numba"} <= set(texts)
    assert all(texts.count(name) == 1 for name in operators)
    assert "undefined" not in texts


def test_roofs_rise_with_bandwidth_and_end_at_the_peak():
    peaks = json.loads((RUN / "environment.json").read_text())["peaks"]["cpu"]
    corners = roofline_chart._roofs(peaks, (0.01, 1000))
    for roof in ("cache", "memory"):
        first, ridge, last = [c for c in corners if c["roof"] == roof]
        assert first["gflops"] == pytest.approx(0.01 * peaks[f"{roof}_gbytes_per_s"])
        assert ridge["gflops"] == pytest.approx(peaks["gflops"]) == last["gflops"]
