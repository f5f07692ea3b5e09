"""Networks and training recipes that people know, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mnist_core.data import Dataset
from mnist_core.data.splits import pooled, tested_on_itself
from mnist_core.errors import NetworkError
from mnist_core.schedules import CONSTANT

_STANDARD = (784, 128, 64, 10)


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained.

    Parameters
    ----------
    name
        As ``--preset`` takes it.
    network
        Layer sizes.
    batch
        Images a step; None for all images at once.
    lr, epochs, schedule, seed
        As `mnist_core.training.train` takes them.
    scale
        Standard deviation of the initial weights; None for He's.
    every
        Epochs between two lines of the history.
    original
        Makes of a data set in its official split what the original trains and tests on; None
        where that is the official split itself.
    claim
        Test accuracy that the original's author states.
    about
        Whose recipe it is, in a line.
    """

    name: str
    network: tuple[int, ...]
    batch: int | None
    lr: float
    epochs: int
    scale: float | None = None
    seed: int = 0
    schedule: str = CONSTANT
    every: int = 1
    original: Callable[[Dataset], Dataset] | None = None
    claim: str = ""
    about: str = ""


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "standard",
            _STANDARD,
            batch=128,
            lr=0.1,
            epochs=10,
            about="the network that this suite times unless told otherwise",
        ),
        Preset(
            "cupy-deep",
            (784, 128, 64, 32, 10),
            batch=None,
            lr=0.01,
            epochs=5000,
            seed=42,
            every=500,
            claim="98.5 %",
            about="full batch for 5000 steps, from Keras' mnist.npz",
        ),
        Preset(
            "numpy-minibatch",
            (784, 128, 10),
            batch=64,
            lr=0.01,
            epochs=10,
            scale=0.01,
            seed=42,
            original=tested_on_itself,
            about="one hidden layer, small initial weights, from IDX files",
        ),
        Preset(
            "batch-gd",
            _STANDARD,
            batch=None,
            lr=0.1,
            epochs=100,
            original=partial(pooled, test=0.2),
            claim="90-93 %",
            about="full-batch gradient descent, from OpenML; with --batch 128 its mini-batch form",
        ),
        Preset(
            "npy-custom",
            _STANDARD,
            batch=None,
            lr=0.5,
            epochs=100,
            every=10,
            claim="97 %",
            about="full batch with a large learning rate, from four .npy files",
        ),
        Preset(
            "csv-decay",
            _STANDARD,
            batch=None,
            lr=0.1,
            epochs=300,
            scale=0.1,
            schedule="inverse-time:1/1500",
            every=10,
            original=partial(pooled, test=1000),
            claim="90.6 %",
            about="full batch with a learning rate that decays, from Kaggle's train.csv",
        ),
        Preset(
            "to-97",
            _STANDARD,
            batch=32,
            lr=0.25,
            epochs=2,
            schedule="linear",
            about="97 % of MNIST's test images as soon as can be",
        ),
        Preset(
            "to-98",
            _STANDARD,
            batch=32,
            lr=0.2,
            epochs=8,
            schedule="linear",
            about="98 % of MNIST's test images as soon as can be",
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; `NetworkError` lists the names if there is none."""
    try:
        return PRESETS[name]
    except KeyError:
        raise NetworkError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}") from None
