"""Networks and training recipes that people know, by name."""

from dataclasses import dataclass

from mnist_core.errors import NetworkError
from mnist_core.schedules import CONSTANT


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained; ``batch`` None means all images at once.

    ``scale`` is the standard deviation of the initial weights, None for He's.
    """

    name: str
    network: tuple[int, ...]
    batch: int | None
    lr: float
    epochs: int
    scale: float | None = None
    seed: int = 0
    schedule: str = CONSTANT
    about: str = ""


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "standard",
            (784, 128, 64, 10),
            batch=128,
            lr=0.1,
            epochs=10,
            about="the network that this suite times unless told otherwise",
        ),
        Preset(
            "batch-gd",
            (784, 128, 64, 10),
            batch=None,
            lr=0.1,
            epochs=100,
            about="full-batch gradient descent; with --batch 128 its mini-batch form",
        ),
        Preset(
            "to-97",
            (784, 128, 64, 10),
            batch=32,
            lr=0.25,
            epochs=2,
            schedule="linear",
            about="97 % of MNIST's test images as soon as can be",
        ),
        Preset(
            "to-98",
            (784, 128, 64, 10),
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
