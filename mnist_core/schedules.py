"""How the learning rate goes on, as a factor of where it began."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnist_core.errors import NetworkError

Factor = Callable[[float, int], float]
"""Factor from the epochs that have passed, parts of one included, and the number of all."""

CONSTANT = "constant"

PIECES = 10
"""Pieces of an epoch in each of which a falling learning rate stays as it is at their middle."""


@dataclass(frozen=True)
class Schedule:
    """What multiplies the learning rate; within an epoch it changes ``pieces`` - 1 times."""

    text: str
    factor: Factor
    pieces: int = 1

    def rates(self, lr: float, epoch: int, epochs: int) -> list[float]:
        """Learning rate in each piece of an epoch, which is counted from 0."""
        if self.pieces == 1:
            return [lr * self.factor(epoch, epochs)]
        middles = [epoch + (piece + 0.5) / self.pieces for piece in range(self.pieces)]
        return [lr * self.factor(middle, epochs) for middle in middles]


def _inverse_time(rate: float) -> Factor:
    return lambda epoch, epochs: 1 / (1 + rate * epoch)


def _step(every: float, factor: float) -> Factor:
    def falling(epoch: float, epochs: int) -> float:
        try:
            return math.pow(factor, epoch // every)
        except OverflowError:
            return math.inf

    return falling


_KINDS: dict[str, tuple[str, Callable[..., Factor], int]] = {
    CONSTANT: ("", lambda: lambda epoch, epochs: 1.0, 1),
    "linear": ("", lambda: lambda epoch, epochs: 1 - epoch / epochs, PIECES),
    "inverse-time": ("RATE", _inverse_time, 1),
    "step": ("EPOCHS,FACTOR", _step, 1),
}

SCHEDULES = {name: name + (f":{takes}" if takes else "") for name, (takes, *_) in _KINDS.items()}
"""Name to how it is written, parameters included."""


def schedule(text: str) -> Schedule:
    """The schedule that a text such as "linear", "inverse-time:1/1500" or "step:10,0.5" names.

    constant stays; linear falls to 0 at the end of training; inverse-time:RATE divides by
    1 + RATE epochs; step:EPOCHS,FACTOR multiplies by FACTOR after so many epochs each.

    Raises
    ------
    NetworkError
        If there is none of that name, or its parameters are not positive numbers.
    """
    name, _, given = text.partition(":")
    if name not in _KINDS:
        raise NetworkError(f"unknown schedule {text!r}; there are {', '.join(SCHEDULES.values())}")
    takes, make, pieces = _KINDS[name]
    parameters = _numbers(given)
    if parameters is None or len(parameters) != len(takes.split(",") if takes else ()):
        raise NetworkError(
            f"schedule {text!r}: write it as {SCHEDULES[name]}, with positive numbers such as "
            "0.5 or 1/1500"
        )
    return Schedule(text, make(*parameters), pieces)


def _numbers(text: str) -> Sequence[float] | None:
    """Positive numbers between commas, or None if they are not."""
    try:
        numbers = [_number(part) for part in text.split(",")] if text else []
    except (ValueError, ZeroDivisionError):
        return None
    return numbers if all(0 < number < math.inf for number in numbers) else None


def _number(text: str) -> float:
    """Of "0.5" or "1/1500"."""
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)
