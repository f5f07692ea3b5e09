"""Trainings by the command line, and what they leave."""

import csv

from command_line import invoke

from mnist_core.numerics import certificate as certificates
from mnist_core.numerics.check import Check
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
