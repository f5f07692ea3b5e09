"""How long training takes to an accuracy, with a learning rate that falls to 0."""

import csv

import numpy as np
import pytest
from command_line import invoke, write_data

from mnist_core import registry
from mnist_core.backends import Backend, kernel
from mnist_core.network import Network
from mnist_core.operators import sgd
from mnist_core.training import train

SMALL = ("--network", "784-16-10", "--batch", "20", "--learning-rate", "0.2")


@pytest.mark.parametrize("batch", [7, 128, 1500, 2000])
def test_pieces_are_whole_batches_and_every_image_is_seen_once(batch, small_digits):
    class Seen(Network):
        def epoch(self, images, labels, order, batch, lr):
            seen.append((len(order), lr, order))
            return super().epoch(images, labels, order, batch, lr)

    seen: list = []
    network = Seen((784, 10), registry.backend("numpy"))
    history = train(network, small_digits, epochs=2, batch=batch, lr=0.1, schedule="linear")
    pieces = seen[1:]  # the first warms up
    per_epoch = len(pieces) // 2
    ends = {per_epoch - 1, 2 * per_epoch - 1}
    assert all(n % batch == 0 for i, (n, _, _) in enumerate(pieces) if i not in ends)
    images = [len(small_digits.train_labels)] * 2
    assert sum(n for n, _, _ in pieces) == sum(images)
    for order in np.split(np.concatenate([order for _, _, order in pieces]), 2):
        assert sorted(order) == list(range(images[0]))
    falling = [lr for _, lr, _ in pieces]
    assert falling == sorted(falling, reverse=True)
    assert history.epochs[-1].lr == falling[-1]


def test_training_ends_when_enough_is_recognised(small_digits):
    network = Network((784, 16, 10), registry.backend("numpy"))
    history = train(network, small_digits, epochs=50, batch=20, lr=0.2, until=0.8)
    *before, last = [epoch.test_accuracy for epoch in history.epochs]
    assert last >= 0.8 > max(before, default=0)
    assert len(history.epochs) < 50


def test_five_seeds_are_trained_and_what_each_took_is_written(tmp_path, small_digits):
    data = write_data(tmp_path, small_digits)
    out = tmp_path / "out"
    recipe = (*SMALL, "--epochs", "4", "--schedule", "linear")
    done = invoke("train", "--to-accuracy", "1", *recipe, "--data", data, "--out", out)
    assert done.exit_code == 0, done.output
    assert "learning rate 0.2, linear, float32, until 1 %" in done.stdout
    assert "certified float32 · " in done.stdout
    for seed in range(5):
        assert f"seed {seed}   " in done.stdout
    for part in ("s of training", "reading data", "compiling and warming up", "testing"):
        assert part in done.stdout
    rows = list(csv.DictReader((out / "seeds.csv").open()))
    assert [row["seed"] for row in rows] == list("01234")
    assert all(float(row["test_seconds"]) > 0 for row in rows)


def test_a_backend_that_trains_otherwise_is_not_timed(tmp_path, small_digits, monkeypatch):
    @kernel(sgd)
    def twice(param, grad, *, lr):
        param -= 2 * lr * grad

    hasty = Backend("hasty", base="numpy", kernels=[twice])
    monkeypatch.setitem(registry.backends(), "hasty", hasty)
    data, out = write_data(tmp_path, small_digits), tmp_path / "out"
    asked = ("--to-accuracy", "1", "--epochs", "1", "--backend", "hasty", "--out", out)
    done = invoke("train", *asked, *SMALL, "--data", data)
    assert done.exit_code == 1
    assert "refused   sgd/twice" in done.stdout
    assert not out.exists()


def test_every_epoch_is_looked_at_whatever_the_preset_says(tmp_path, small_digits):
    data, out = write_data(tmp_path, small_digits), tmp_path / "out"
    asked = ("--to-accuracy", "100", "--preset", "npy-custom", "--epochs", "3", "--out", out)
    invoke("train", *asked, *SMALL, "--data", data)
    rows = list(csv.DictReader((out / "seeds.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] * 5


def test_what_is_not_reached_is_exit_code_1(tmp_path, small_digits):
    out = ("--data", write_data(tmp_path, small_digits), "--out", tmp_path / "out")
    done = invoke("train", "--to-accuracy", "100", *SMALL, "--epochs", "1", *out)
    assert done.exit_code == 1
    assert done.stdout.count("100 % not reached") == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--to-accuracy", "99"), "--to-accuracy 99: no preset is known to reach more than 98 %"),
        (("--to-accuracy", "0"), "0.0 is not in the range 0<x<=100"),
        (
            ("--to-accuracy", "97", "--compare", "batch,32"),
            "--to-accuracy has seeds and lines of its own: leave --compare out",
        ),
        (
            ("--to-accuracy", "97", "--backend", "numpy", "--backend", "numba"),
            "--to-accuracy takes one --backend",
        ),
    ],
)
def test_what_cannot_be_is_one_line(options, said, tmp_path):
    done = invoke("train", *options, "--data", "digits", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
