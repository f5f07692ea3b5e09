"""``mnist-bench train``: what it prints and leaves, presets, comparisons, and going on."""

import csv
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

from bench import job as jobs
from bench.files import in_use
from bench.training_folder import read
from mnist_core import registry
from mnist_core.backends import Backend, kernel, takes_over
from mnist_core.data import Dataset
from mnist_core.errors import ExactRangeError
from mnist_core.numerics import certificate as certificates
from mnist_core.numerics.check import Check
from mnist_core.operators import relu, sgd
from mnist_core.precision import EXACT
from mnist_core.precision import precision as find_precision
from mnist_core.presets import PRESETS
from mnist_core.training import Permutations
from mnist_core.weights import load as load_weights

RECIPE = ("--network", "784-16-10", "--batch", 50, "--learning-rate", 0.2)

LEFT = [
    "confusion.png",
    "confusion.svg",
    "curves.png",
    "curves.svg",
    "history.csv",
    "predictions.png",
    "predictions.svg",
    "weights.safetensors",
]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory, small_digits):
    return write_data(tmp_path_factory.mktemp("data"), small_digits)


def ok(*arguments):
    """What a command prints that succeeds."""
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def sha256(folder):
    return load_weights(folder / "weights.safetensors").sha256


def rows(folder, name="history.csv"):
    with (folder / name).open() as file:
        return list(csv.DictReader(file))


# What it prints and leaves


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "new" / "folder"
    options = ("--epochs", 3, "--seed", 7, "--out", out)
    return out, ok("train", "--data", data, *RECIPE, *options)


def test_it_prints_recipe_certificate_epochs_accuracies_and_files(trained, data):
    out, printed = trained
    first, folder, *lines = printed.splitlines()
    assert first == (
        f"784-16-10 on {data.name}, backend numpy, batch 50, learning rate 0.2, float32, "
        "3 epochs, seed 7"
    )
    assert folder == f"folder    {out}"
    assert re.fullmatch(r"certified float32 · \d+\.\dx NumPy's error, at batch 50", lines[0])
    assert [line.split()[:2] for line in lines[1:4]] == [["epoch", str(n)] for n in (1, 2, 3)]
    tested = re.search(r"^test +500 +(\S+) +(\S+) *$", printed, re.MULTILINE)
    assert tested
    assert f"test accuracy {tested[1]}   test loss {tested[2]}" in lines[3]
    assert re.search(r"^training +2,000 +\d\d\.\d\d% +\d\.\d{4} *$", printed, re.MULTILINE)
    recalls = re.findall(r"^(\d) +(\d+) +\S+% +(\S+)% *$", printed, re.MULTILINE)
    assert [int(label) for label, _, _ in recalls] == list(range(10))
    right = sum(int(images) * float(recall) / 100 for _, images, recall in recalls)
    assert right / 500 == pytest.approx(float(tested[1][:-1]) / 100, abs=1e-4)
    assert lines[-1] == f"weights   {out / 'weights.safetensors'}   sha256 {sha256(out)}"


def test_it_leaves_weights_history_and_pictures(trained):
    out, printed = trained
    assert sorted(os.listdir(out)) == LEFT
    figures = ("lr", "loss", "test_loss", "test_accuracy", "seconds", "test_seconds")
    history = rows(out)
    assert list(history[0]) == ["epoch", *figures]
    assert [row["epoch"] for row in history] == ["1", "2", "3"]
    assert {row["lr"] for row in history} == {"0.2"}
    assert float(history[2]["loss"]) < float(history[0]["loss"])
    for row, line in zip(history, printed.splitlines()[3:], strict=False):
        assert f"test accuracy {float(row['test_accuracy']):.2%}" in line
        assert f"loss {float(row['loss']):.4f}" in line


def test_weights_say_what_they_were_trained_on_and_that_it_was_certified(trained, data):
    saved = load_weights(trained[0] / "weights.safetensors")
    assert saved.sizes == (784, 16, 10)
    assert saved.metadata["data"] == data.name
    assert saved.metadata["backend"] == "numpy"
    assert saved.metadata["preset"] == "standard"
    certificate = json.loads(saved.metadata["certificate"])
    assert (certificate["claim"], certificate["batch"]) == ("float32", 50)
    beginnings = json.loads(saved.metadata["beginnings"])
    assert certificate["hashes"]["data"] == beginnings["data"]
    assert (beginnings["recipe"]["lr"], beginnings["recipe"]["epochs"]) == (0.2, 3)


def test_evaluate_gives_the_accuracy_that_train_printed(trained, data, tmp_path):
    out, printed = trained
    text = ok("evaluate", "--weights", out, "--data", data)
    accuracy = re.findall(r"test accuracy (\S+)", printed)[-1]
    loss = re.findall(r"test loss (\S+)", printed)[-1]
    assert text == (
        f"784-16-10 on 500 test images of {data.name}: loss {loss}, accuracy {accuracy}\n"
    )
    ok("evaluate", "--weights", out, "--data", data, "--out", tmp_path)
    for picture in ("predictions.png", "confusion.png"):
        assert (tmp_path / picture).read_bytes() == (out / picture).read_bytes()


def test_training_again_gives_the_same_weights(trained, data, tmp_path):
    ok("train", "--data", data, *RECIPE, "--epochs", 3, "--seed", 7, "--out", tmp_path)
    assert sha256(tmp_path) == sha256(trained[0])


def test_a_backend_that_trains_otherwise_is_refused(data, tmp_path, monkeypatch):
    @kernel(sgd)
    def twice(param, grad, *, lr):
        param -= 2 * lr * grad

    monkeypatch.setitem(
        registry.backends(), "hasty", Backend("hasty", base="numpy", kernels=[twice])
    )
    out = tmp_path / "out"
    options = ("--backend", "hasty", "--epochs", 1, "--out", out)
    done = invoke("train", "--data", data, *RECIPE, *options)
    assert done.exit_code == 1
    assert "refused   sgd/twice: param differs from the reference" in done.stdout
    assert not out.exists()


def test_exact_precision_is_certified_with_its_hash(data, tmp_path):
    options = ("--precision", "exact", "--learning-rate", 0.25, "--epochs", 1, "--out", tmp_path)
    printed = ok("train", "--data", data, "--network", "784-8-10", "--batch", 32, *options)
    assert re.search(r"^certified exact [0-9a-f]{16} after .*, at batch 32$", printed, re.MULTILINE)


# Presets


@pytest.fixture
def recipe(data, tmp_path, monkeypatch):
    """What is trained for options: the recipe and the data set; nothing is."""

    def asked(*options):
        seen = {}

        def train(model, dataset, **recipe):
            seen.update(recipe, network=model.sizes, dataset=dataset, model=model)
            raise KeyboardInterrupt

        monkeypatch.setattr(jobs, "train_network", train)
        monkeypatch.setattr(jobs.Job, "certify", lambda job: CERTIFIED)
        done = invoke("train", *options, "--data", data, "--out", tmp_path)
        assert done.exit_code == 130, done.output
        return seen

    return asked


CERTIFIED = certificates.Certificate(
    "numpy",
    "784-16-10",
    50,
    "float32",
    0,
    0.125,
    (Check("steps", "trajectory", True, "not looked at", error_ratio=1.0),),
    {},
)
"""What stands for a certificate where it is not what is tested."""


def test_options_override_the_preset(recipe):
    options = ("--preset", "batch-gd", "--epochs", 2)
    seen = recipe(*options)
    assert (seen["batch"], seen["epochs"], seen["lr"], seen["every"]) == (2000, 2, 0.1, 1)
    assert seen["network"] == (784, 128, 64, 10)
    seen = recipe(*options, "--batch", 10, "--seed", 3, "--every", 2)
    assert (seen["batch"], seen["epochs"], seen["seed"], seen["every"]) == (10, 2, 3, 2)


def test_a_batch_of_all_images_can_be_asked_for(recipe):
    assert recipe("--batch", "all")["batch"] == 2000
    assert recipe("--preset", "to-97", "--batch", "all")["batch"] == 2000


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_its_network_by_its_recipe(name, recipe):
    preset, seen = PRESETS[name], recipe("--preset", name)
    assert seen["network"] == preset.network
    assert seen["batch"] == (preset.batch or 2000)
    for key in ("epochs", "lr", "seed", "schedule", "every"):
        assert seen[key] == getattr(preset, key)
    weight = seen["model"].get_parameters()[0][0]
    scale = np.sqrt(2 / 784) if preset.scale is None else preset.scale
    assert weight.std() == pytest.approx(scale, rel=0.02)


@pytest.mark.parametrize(
    ("name", "training", "test"),
    [("batch-gd", 2000, 500), ("csv-decay", 1500, 1000), ("numpy-minibatch", 500, 500)],
)
def test_original_splits(name, training, test, recipe):
    found = recipe("--preset", name, "--split", "original")["dataset"]
    assert (len(found.train_labels), len(found.test_labels)) == (training, test)


def test_evaluate_can_test_on_the_split_of_training(data, tmp_path):
    small = ("--network", "784-8-10", "--batch", 50, "--epochs", 1)
    options = ("--preset", "batch-gd", "--split", "original", "--out", tmp_path)
    printed = ok("train", *small, *options, "--data", data)
    accuracy = re.findall(r"test accuracy (\S+)", printed)[-1]
    done = invoke("evaluate", "--weights", tmp_path, "--data", data)
    name = data.name
    assert f"trained on {name}, 500 held out at random, evaluated on {name}\n" in done.stderr
    done = invoke("evaluate", "--weights", tmp_path, "--data", data, "--split", "original")
    assert done.stderr == ""
    assert f"accuracy {accuracy}" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--preset", "batchgd"), "unknown preset 'batchgd'; there are standard, cupy-deep"),
        (
            ("--preset", "npy-custom", "--split", "original"),
            "--split original: preset npy-custom has no split but the official one",
        ),
        (("--batch", "some"), "'some' is neither a number of images nor all"),
        (("--preset", "batch-gd", "--network", "100-10"), "network 100-10 takes 100 inputs"),
        (("--every", "0"), "0 is not in the range"),
        (("--compare", "batch,tiny"), "--compare batch,tiny: write batch, minibatch or numbers"),
        (("--compare", "batch,0"), "batch 0: give one between 1 and 2000"),
        (("--compare", "32,64", "--batch", "16"), "--batch says how many images a minibatch has"),
        (("--compare", "minibatch", "--batch", "all"), "--batch says how many images"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(options, said, data, tmp_path):
    out = tmp_path / "out"
    done = invoke("train", *options, "--data", data, "--out", out)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


# Images without a label


def test_what_has_no_label_is_predicted_for_kaggle(small_digits, tmp_path):
    images, labels = small_digits.train_images, small_digits.train_labels
    pixels = [f"pixel{i}" for i in range(784)]
    with (tmp_path / "train.csv").open("w") as file:
        np.savetxt(
            file, np.c_[labels, images], "%d", ",", header=",".join(["label", *pixels]), comments=""
        )
    with (tmp_path / "test.csv").open("w") as file:
        np.savetxt(file, small_digits.test_images, "%d", ",", header=",".join(pixels), comments="")
    out = tmp_path / "out"
    options = ("--preset", "csv-decay", "--split", "original", "--batch", 20, "--epochs", 8)
    printed = ok("train", *options, "--network", "784-16-10", "--data", tmp_path, "--out", out)
    assert f"predicted {out / 'submission.csv'}   500 images without a label" in printed
    with (out / "submission.csv").open() as file:
        submitted = list(csv.DictReader(file))
    assert [int(row["ImageId"]) for row in submitted] == list(range(1, 501))
    right = np.mean([int(row["Label"]) for row in submitted] == small_digits.test_labels)
    assert right > 0.5
    again = tmp_path / "again"
    ok("evaluate", "--weights", out, "--data", tmp_path, "--out", again)
    assert (again / "submission.csv").read_text() == (out / "submission.csv").read_text()


# Comparisons


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


# Broken off


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


def test_divergence_between_two_lines_keeps_what_was_good(data, tmp_path):
    steep = ("--schedule", "step:3,1e12", "--every", 2, "--epochs", 40, "--learning-rate", 0.1)
    small = ("--network", "784-16-16-10", "--batch", "all")
    done = invoke("train", *small, *steep, "--data", data, "--out", tmp_path)
    assert done.exit_code == 2
    assert "training diverged" in done.stderr
    kept = read(tmp_path)
    assert 0 < kept.stage.epochs < 40
    assert [epoch.epoch for epoch in kept.history] == list(range(2, kept.stage.epochs + 1, 2))
    ok("evaluate", "--weights", tmp_path, "--data", data)


@pytest.mark.parametrize("certified", [KeyboardInterrupt, ExactRangeError])
def test_what_ends_before_training_leaves_no_folder(certified, data, tmp_path, monkeypatch):
    def certify(job):
        raise certified("no")

    monkeypatch.setattr(jobs.Job, "certify", certify)
    out = tmp_path / "out"
    assert invoke("train", *RECIPE, "--data", data, "--out", out).exit_code in (2, 130)
    assert not out.exists()


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", EXACT.name])
def test_a_large_batch_is_certified_as_it_is_trained(precision, small_digits, monkeypatch):
    """A backend that leaves images out of large batches, and no others."""
    monkeypatch.setattr(certificates, "LARGE", 64)
    numpy = registry.backend("numpy")

    @takes_over("step", precision=precision)
    def hasty(network, images, labels, index, lr):
        network.take_overs.pop("step")
        try:
            losses = network.losses(len(index))
            losses[:] = 0
            losses[:64] = network.step(images, labels, index[:64], lr)
            return losses
        finally:
            network.take_overs["step"] = hasty.function

    backend = Backend("hasty", base="numpy", kernels=[hasty])
    sizes, kind = (784, 16, 10), find_precision(precision)
    certify = certificates.certify_large
    assert certify(backend, sizes, 64, kind, small_digits).passed
    refused = certify(backend, sizes, 500, kind, small_digits)
    assert not refused.passed
    assert "step" in refused.reason
    honest = certify(numpy, sizes, 500, kind, small_digits)
    assert honest.passed
    assert honest.batch == 500
    assert honest.claim.startswith(precision)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_a_folder_named_like_a_source_is_not_taken_for_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert jobs._located(name) == name
    assert jobs._located(f"./{name}") == str(tmp_path / name)
    assert jobs._located("nowhere") == "nowhere"


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
