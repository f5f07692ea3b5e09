"""How the learning rate goes on, as a factor of where it began."""

from collections.abc import Callable

from mnist_core.errors import NetworkError

Schedule = Callable[[float], float]
"""Factor from progress, which goes from 0 at the first step to 1 after the last."""

CONSTANT = "constant"

SCHEDULES: dict[str, Schedule] = {
    CONSTANT: lambda progress: 1.0,
    "linear": lambda progress: 1 - progress,
}

PIECES = 10
"""Pieces of an epoch in each of which the learning rate stays as it is at the piece's middle."""


def schedule(name: str) -> Schedule:
    """The schedule of that name; `NetworkError` lists the names if there is none."""
    try:
        return SCHEDULES[name]
    except KeyError:
        raise NetworkError(f"unknown schedule {name!r}; there are {', '.join(SCHEDULES)}") from None


def rates(name: str, lr: float, epoch: int, epochs: int) -> list[float]:
    """Learning rate in each piece of an epoch, counted from 0; one piece if it never changes."""
    factor = schedule(name)
    if name == CONSTANT:
        return [lr]
    middles = [(epoch + (piece + 0.5) / PIECES) / epochs for piece in range(PIECES)]
    return [lr * factor(middle) for middle in middles]
