"""``mnist-bench train``: what it prints, leaves and refuses."""

import csv
import json
import os
import re

import numpy as np
import pytest
from command_line import invoke
from trainings import LEFT, RECIPE, ok, rows, sha256

from bench import job as jobs
from bench.training_folder import read
from mnist_core import registry
from mnist_core.backends import Backend, kernel, takes_over
from mnist_core.errors import ExactRangeError
from mnist_core.numerics import certificate as certificates
from mnist_core.operators import sgd
from mnist_core.precision import EXACT
from mnist_core.precision import precision as find_precision
from mnist_core.weights import load as load_weights

pytestmark = pytest.mark.usefixtures("one_thread")


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


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_a_folder_named_like_a_source_is_not_taken_for_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert jobs._located(name) == name
    assert jobs._located(f"./{name}") == str(tmp_path / name)
    assert jobs._located("nowhere") == "nowhere"


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
