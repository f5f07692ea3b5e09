"""Training on real MNIST reaches what the recipe really reaches."""

import os
import re
from pathlib import Path

import pytest
from command_line import mnist_bench

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("MNIST_DATA_DIR" not in os.environ, reason="MNIST_DATA_DIR is not set"),
]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_thirty_epochs_of_batch_gd_in_mini_batches_pass_97_5_percent(
    backend: str, tmp_path: Path
) -> None:
    recipe = ("--preset", "batch-gd", "--epochs", 30, "--batch", 128, "--learning-rate", 0.1)
    trained = mnist_bench("train", *recipe, "--backend", backend, "--out", tmp_path / "out")
    assert trained.returncode == 0, trained.stderr
    accuracies = re.findall(r"test accuracy (\d+\.\d+)%", trained.stdout)
    assert len(accuracies) == 30
    assert float(accuracies[-1]) >= 97.5

    weights = tmp_path / "out" / "weights.safetensors"
    evaluated = mnist_bench("evaluate", "--weights", weights)
    assert f"accuracy {accuracies[-1]}%" in evaluated.stdout
