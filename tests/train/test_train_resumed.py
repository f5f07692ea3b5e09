"""Trainings that were broken off, and go on."""

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import command, invoke, mnist_bench, write_data
from trainings import CERTIFIED, LEFT, RECIPE, ok, rows, sha256

from bench import job as jobs
from bench.files import in_use
from bench.training_folder import read
from mnist_core.data import Dataset
from mnist_core.precision import EXACT
from mnist_core.training import Permutations
from mnist_core.weights import load as load_weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def broken(data, tmp_path_factory):
    """A training of six epochs that Ctrl-C ended after the second, and one left alone."""
    out, whole = tmp_path_factory.mktemp("broken"), tmp_path_factory.mktemp("whole")
    recipe = (*RECIPE, "--epochs", 6, "--schedule", "linear", "--threads", 1)
    options = ("train", "--data", data, *recipe)
    ok(*options, "--out", whole)
    patch = pytest.MonkeyPatch()
    orders, taken = Permutations.__next__, []

    def two(self):
        taken.append(self)
        if len(taken) == 3:
            raise KeyboardInterrupt
        return orders(self)

    patch.setattr(jobs.Job, "certify", lambda job: CERTIFIED)
    patch.setattr(Permutations, "__next__", two)
    done = invoke(*options, "--out", out)
    patch.undo()
    assert done.exit_code == 130
    assert f"kept      2 of 6 epochs; to go on: mnist-bench train --resume {out}" in done.stdout
    return out, whole


@pytest.fixture
def copy(broken, tmp_path):
    shutil.copytree(broken[0], tmp_path / "copy")
    return tmp_path / "copy"


def test_training_goes_on_to_the_same_bits(broken, copy):
    assert sorted(os.listdir(copy)) == ["history.csv", "weights.safetensors"]
    printed = ok("train", "--resume", copy)
    epochs = re.findall(r"^epoch +(\d)", printed, re.MULTILINE)
    assert epochs == ["3", "4", "5", "6"]
    assert sha256(copy) == sha256(broken[1])
    assert sorted(os.listdir(copy)) == LEFT
    figures = [
        [(r["epoch"], r["lr"], r["loss"], r["test_loss"]) for r in rows(f)]
        for f in (copy, broken[1])
    ]
    assert figures[0] == figures[1]


def test_a_training_that_has_ended_only_shows_again_what_it_reached(broken, tmp_path):
    shutil.copytree(broken[1], tmp_path / "copy")
    printed = ok("train", "--resume", tmp_path / "copy")
    assert not re.search("^epoch", printed, re.MULTILINE)
    assert f"sha256 {sha256(broken[1])}" in printed
    assert sha256(tmp_path / "copy") == sha256(broken[1])


def test_a_history_that_is_ahead_of_the_weights_is_cut(copy, broken):
    """The history is written first: a training may be killed between the two."""
    ahead = rows(broken[1])[2]
    with (copy / "history.csv").open("a") as file:
        file.write(",".join(ahead.values()) + "\n")
    ok("train", "--resume", copy)
    assert [row["epoch"] for row in rows(copy)] == list("123456")


def test_the_seconds_before_it_was_broken_off_count(copy):
    kept = read(copy)
    carried = replace(kept.stage, seconds=1000.0)
    weights = copy / "weights.safetensors"
    from safetensors.numpy import load_file, save_file

    metadata = kept.weights.metadata | {"stage": json.dumps(vars(carried))}
    save_file(load_file(weights), weights, metadata)
    ok("train", "--resume", copy)
    seconds = [float(row["seconds"]) for row in rows(copy)]
    assert seconds[2] > 1000
    assert max(seconds[3:]) < 1000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stage": "{}x"}, "does not say how its training could go on"),
        ({"stage": '{"epochs": 2, "seconds": 0.0, "place": "abc"}'}, "does not say how"),
        ({"options": None}, "does not say how its training could go on"),
        ({"options": "[]"}, "a training of another version"),
        ({"options": '{"colour": "red"}'}, "a training of another version"),
        ({"beginnings": '{"data": "0"}'}, "the data is not what this training began with"),
    ],
)
def test_what_could_not_go_on_is_one_line(change, said, copy):
    from safetensors.numpy import load_file, save_file

    weights = copy / "weights.safetensors"
    metadata = load_weights(weights).metadata | change
    save_file(load_file(weights), weights, {k: v for k, v in metadata.items() if v is not None})
    before = weights.read_bytes()
    done = invoke("train", "--resume", copy)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert weights.read_bytes() == before


def test_the_file_of_weights_stands_for_its_folder(copy, broken):
    ok("train", "--resume", copy / "weights.safetensors")
    assert sha256(copy) == sha256(broken[1])


@pytest.mark.parametrize(
    ("name", "value"), [("threads", 7), ("versions", "numpy 1.0"), ("code", "0" * 12)]
)
def test_what_may_change_the_bits_is_warned_of(name, value, copy):
    from safetensors.numpy import load_file, save_file

    weights = copy / "weights.safetensors"
    metadata = load_weights(weights).metadata
    conditions = json.loads(metadata["conditions"]) | {name: value}
    save_file(load_file(weights), weights, metadata | {"conditions": json.dumps(conditions)})
    done = invoke("train", "--resume", copy)
    assert done.exit_code == 0
    assert done.stderr.startswith(f"warning: {name} was {value}, now ")
    assert done.stderr.count("\n") == 1


def test_two_cannot_go_on_in_one_folder(copy):
    with in_use(copy):
        done = invoke("train", "--resume", copy)
    assert done.exit_code == 2
    assert "another run is writing there" in done.stderr


def test_a_folder_without_a_training_and_other_options_are_refused(copy, tmp_path):
    done = invoke("train", "--resume", tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "holds no training that could go on" in done.stderr
    done = invoke("train", "--resume", copy, "--epochs", 9)
    assert done.exit_code == 2
    assert "--resume goes on with what was asked for then: leave --epochs out" in done.stderr


def epochs_done(folder: Path) -> int:
    """How far the training in a folder has come."""
    return read(folder).stage.epochs if (folder / "weights.safetensors").exists() else 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("backend", "precision", "epochs"), [("numpy", EXACT.name, 150), ("numba", "float32", 4000)]
)
def test_a_training_killed_at_any_time_goes_on_to_the_same_bits(
    backend: str, precision: str, epochs: int, small_digits: Dataset, tmp_path: Path
) -> None:
    data = write_data(tmp_path, small_digits)
    recipe = ("--network", "784-64-10", "--batch", 16, "--learning-rate", 0.25, "--epochs", epochs)
    asked = ("--every", epochs // 7, "--backend", backend, "--precision", precision)
    arguments = ("train", *recipe, *asked, "--data", data, "--threads", 1)
    whole, out = tmp_path / "whole", tmp_path / "out"
    done = mnist_bench(*arguments, "--out", whole)
    assert done.returncode == 0, done.stderr

    rng, arguments = np.random.RandomState(0), (*arguments, "--out", out)
    for _ in range(3):
        before = epochs_done(out)
        process = subprocess.Popen(
            command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while epochs_done(out) == before:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1))
        process.kill()
        process.wait()
        arguments = ("train", "--resume", out)
    assert 0 < epochs_done(out) < epochs
    done = mnist_bench(*arguments)
    assert done.returncode == 0, done.stderr
    assert sha256(out) == sha256(whole)
    assert [row["epoch"] for row in rows(out)] == [row["epoch"] for row in rows(whole)]
