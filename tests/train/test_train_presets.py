"""What presets and the options beside them have trained."""

import re

import numpy as np
import pytest
from command_line import invoke
from trainings import CERTIFIED, ok

from bench import job as jobs
from mnist_core.presets import PRESETS

pytestmark = pytest.mark.usefixtures("one_thread")


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
