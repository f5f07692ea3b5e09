"""Schedules of the learning rate: what they multiply it by, and texts that name none."""

import numpy as np
import pytest
from command_line import invoke, write_data

from mnist_core import registry
from mnist_core.errors import NetworkError
from mnist_core.network import Network
from mnist_core.presets import PRESETS
from mnist_core.schedules import PIECES, SCHEDULES, schedule
from mnist_core.training import train


def rates(text, lr, epochs):
    """All rates of a training, piece by piece."""
    return [rate for epoch in range(epochs) for rate in schedule(text).rates(lr, epoch, epochs)]


def test_constant_stays():
    assert rates("constant", 0.6, 3) == [0.6] * 3


def test_linear_ends_just_above_0():
    found = rates("linear", 0.6, 3)
    assert len(found) == 3 * PIECES
    assert np.allclose(np.diff(found), -0.6 / (3 * PIECES))
    assert found[0] == pytest.approx(0.6 * (1 - 0.5 / 30))
    assert found[-1] == pytest.approx(0.6 * 0.5 / 30)


def test_inverse_time_is_the_recipe_it_comes_from():
    """0.1 / (1 + (0.1 / 150) epoch)."""
    found = rates(PRESETS["csv-decay"].schedule, 0.1, 300)
    assert found == pytest.approx([0.1 / (1 + (0.1 / 150) * epoch) for epoch in range(300)])


def test_step_falls_after_so_many_epochs_each():
    assert rates("step:2,0.5", 1.0, 6) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert rates("step:2,1/2", 1.0, 6) == rates("step:2,0.5", 1.0, 6)


def test_presets_have_schedules_that_there_are():
    assert all(schedule(preset.schedule) for preset in PRESETS.values())


def test_a_schedule_of_one_rate_trains_as_none(small_digits):
    networks = [Network((784, 12, 10), registry.backend("numpy")) for _ in range(2)]
    for network, text in zip(networks, ("constant", "step:5,0.1"), strict=True):
        train(network, small_digits, epochs=2, batch=150, lr=0.1, schedule=text)
    np.testing.assert_array_equal(*[network.parameters for network in networks])


@pytest.mark.parametrize(
    "text",
    [
        "inverse-time",
        "inverse-time:",
        "inverse-time:0",
        "inverse-time:-1",
        "inverse-time:1,2",
        "inverse-time:1/0",
        "inverse-time:much",
        "inverse-time:nan",
        "inverse-time:inf",
        "step:2",
        "step:,",
        "step:2,0",
        "step:1e400,0.5",
        "inverse-time:1e400",
        "constant:1",
        "linear:0.5",
    ],
)
def test_parameters_that_are_none_are_refused_with_how_it_is_written(text):
    written = SCHEDULES[text.split(":")[0]]
    with pytest.raises(NetworkError, match=f"write it as {written}"):
        schedule(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--schedule", "cosine"),
            "unknown schedule 'cosine'; there are constant, linear, inverse-time:RATE, "
            "step:EPOCHS,FACTOR",
        ),
        (("--schedule", "step:2"), "write it as step:EPOCHS,FACTOR"),
        (
            ("--schedule", "step:1,1e200"),
            "schedule step:1,1e200, epoch 3: learning rate inf: give a positive number",
        ),
        (
            ("--schedule", "inverse-time:1", "--precision", "exact", "--epochs", "4"),
            "schedule inverse-time:1, epoch 3: learning rate 0.0416667: exact precision takes "
            "powers of two",
        ),
    ],
)
def test_what_cannot_be_is_one_line(options, said, tmp_path):
    done = invoke("train", *options, "--data", "digits", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_exact_precision_takes_halves(tmp_path, small_digits):
    """Every rate of it is a power of two."""
    data = write_data(tmp_path, small_digits)
    options = ("--schedule", "step:1,0.5", "--precision", "exact", "--epochs", "3")
    small = ("--network", "784-8-10", "--batch", "50", "--learning-rate", "0.5")
    done = invoke("train", *options, *small, "--data", data, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "certified exact " in done.stdout
