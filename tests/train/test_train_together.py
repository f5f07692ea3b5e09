"""Several trainings in one picture."""

import os
import re

import numpy as np
import pytest
from command_line import invoke
from trainings import RECIPE, ok, rows

from mnist_core import registry
from mnist_core.backends import Backend, kernel
from mnist_core.operators import relu

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.long
def test_batch_and_minibatch_are_drawn_together(data, tmp_path):
    options = ("--network", "784-16-10", "--learning-rate", 0.3, "--epochs", 4)
    compared = ("--compare", "batch,minibatch,50", "--out", tmp_path)
    printed = ok("train", *options, *compared, "--data", data)
    assert sorted(os.listdir(tmp_path)) == ["convergence.csv", "convergence.png", "convergence.svg"]
    found = rows(tmp_path, "convergence.csv")
    assert [row["batch"] for row in found] == [n for n in ("2000", "128", "50") for _ in range(4)]
    table = printed[printed.index("time to") :].splitlines()
    assert table[0].split() == ["time", "to", "90%", "95%", "97%", "98%", "at", "the", "end"]
    names = ["numpy, all images at once", "numpy, batch 128", "numpy, batch 50"]
    for line, name, last in zip(table[1:], names, found[3::4], strict=False):
        assert line.startswith(name)
        assert f"{float(last['test_accuracy']):.2%} after" in line
    svg = (tmp_path / "convergence.svg").read_text()
    assert all(name in svg for name in names)


def test_time_to_an_accuracy_is_when_it_was_first_reached(data, tmp_path):
    options = ("--network", "784-32-10", "--batch", 20, "--learning-rate", 0.3, "--epochs", 12)
    backends = ("--backend", "numpy", "--backend", "numba")
    printed = ok("train", *options, *backends, "--data", data, "--out", tmp_path)
    found = [r for r in rows(tmp_path, "convergence.csv") if r["backend"] == "numpy"]
    seconds = np.cumsum([float(row["seconds"]) for row in found])
    first = next(i for i, row in enumerate(found) if float(row["test_accuracy"]) >= 0.9)
    (line,) = re.findall(r"^numpy, batch 20 .*after.*$", printed, re.MULTILINE)
    assert f"{seconds[first]:.2f} s, epoch {first + 1}" in line
    assert re.search(r"^numba, batch 20 .*after", printed, re.MULTILINE)


@pytest.mark.long
def test_one_that_is_refused_or_diverges_costs_no_other(data, tmp_path, monkeypatch):
    @kernel(relu)
    def dead(x, out):
        out[...] = 0

    monkeypatch.setitem(registry.backends(), "dead", Backend("dead", base="numpy", kernels=[dead]))
    backends = ("--backend", "dead", "--backend", "numpy", "--epochs", 1)
    done = invoke("train", *RECIPE, *backends, "--data", data, "--out", tmp_path / "a")
    assert done.exit_code == 1
    assert "dead, batch 50   refused: relu/dead: out differs" in done.stdout
    assert {row["backend"] for row in rows(tmp_path / "a", "convergence.csv")} == {"numpy"}

    steep = ("--network", "784-16-10", "--learning-rate", 1e30, "--epochs", 1)
    done = invoke("train", *steep, "--compare", "50,100", "--data", data, "--out", tmp_path / "b")
    assert done.exit_code == 1
    assert done.stdout.count("training diverged") == 2
    assert not (tmp_path / "b").exists()
