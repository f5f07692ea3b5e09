"""A training's folder: weights with all that it takes to go on, and the history."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from time import monotonic
from typing import Any

from bench import files
from mnist_core.errors import DataError, OutputError
from mnist_core.network import Network
from mnist_core.training import Epoch, Permutations
from mnist_core.weights import FILE_NAME, Weights
from mnist_core.weights import load as load_weights
from mnist_core.weights import save as save_weights

HISTORY = "history.csv"

_SECONDS = 2.0
"""Between two writings: what a training that is killed has lost at the most, an epoch aside."""


@dataclass(frozen=True)
class Stage:
    """How far a training has come.

    ``epochs`` are done, ``seconds`` of them since the last line of the history; ``place`` is where
    the order of images stands.
    """

    epochs: int = 0
    seconds: float = 0.0
    place: str | None = None


class TrainingFolder:
    """Keeps a training as it goes on, so that one that is killed has lost some seconds.

    Parameters
    ----------
    path
        The folder, which can be written to.
    model, orders
        The network in training and the orders that it takes.
    described
        What the weights' file says of them, by name.
    stage, history
        Where it goes on from, and the lines of the epochs before.
    """

    def __init__(
        self,
        path: Path,
        model: Network,
        orders: Permutations,
        described: Mapping[str, str],
        stage: Stage,
        history: Sequence[Epoch] = (),
    ) -> None:
        self.path = path
        self.history = list(history)
        self._model, self._orders = model, orders
        self._described = described
        self._carried = stage.seconds
        self._kept: tuple[Stage, Any] | None = None
        self._written = -math.inf

    def between(self, epochs: int, seconds: float) -> None:
        """After an epoch without a line."""
        if monotonic() - self._written > _SECONDS:
            self._keep(Stage(epochs, self._carried + seconds, self._orders.place))

    def add(self, epoch: Epoch) -> Epoch:
        """A line of the history, as it is kept: with the seconds before it went on."""
        epoch = replace(epoch, seconds=epoch.seconds + self._carried)
        self._carried = 0.0
        self.history.append(epoch)
        self._keep(Stage(epoch.epoch, 0.0, self._orders.place))
        return epoch

    def _keep(self, stage: Stage) -> None:
        self._kept = stage, self._model.get_parameters()
        if monotonic() - self._written > _SECONDS:
            self._write(stage)

    def finish(self) -> bool:
        """Write what was kept last, which the network then has; False if no epoch was finished."""
        if self._kept is None:
            return False
        stage, parameters = self._kept
        self._model.set_parameters(parameters)
        self._write(stage)
        return True

    def _write(self, stage: Stage) -> None:
        """The history first: killed before the weights are there, it has a line too many."""
        with files.replacing(self.path / HISTORY) as path, path.open("w", newline="") as file:
            table = csv.DictWriter(file, [f.name for f in fields(Epoch)])
            table.writeheader()
            table.writerows(map(asdict, self.history))
        described = {**self._described, "stage": json.dumps(asdict(stage))}
        save_weights(self.path / FILE_NAME, self._model, described)
        self._written = monotonic()


@dataclass(frozen=True)
class Kept:
    """A training that was kept: its weights, the options that it was asked for with, its stage."""

    weights: Weights
    options: dict[str, Any]
    data_sha256: str
    stage: Stage
    history: list[Epoch]


def read(path: Path) -> Kept:
    """What a folder holds of a training.

    Raises
    ------
    DataError
        If it holds none that could go on.
    """
    if not (path / FILE_NAME).is_file():
        raise DataError(f"{path} holds no training that could go on: there is no {FILE_NAME}")
    weights = load_weights(path / FILE_NAME)
    try:
        options = json.loads(weights.metadata["options"])
        stage = Stage(**json.loads(weights.metadata["stage"]))
        sha256 = weights.metadata["data_sha256"]
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path / FILE_NAME} does not say how its training could go on; begin a new one"
        ) from error
    history = [epoch for epoch in _history(path) if epoch.epoch <= stage.epochs]
    return Kept(weights, options, sha256, stage, history)


def _history(path: Path) -> list[Epoch]:
    try:
        with (path / HISTORY).open(newline="") as file:
            return [Epoch(**_typed(row)) for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path / HISTORY}: cannot be read: {error}") from error


def _typed(row: dict[str, str]) -> dict[str, Any]:
    return {name: int(text) if name == "epoch" else float(text) for name, text in row.items()}


def check_unused(path: Path) -> None:
    """Raise `OutputError` where a folder holds another training already."""
    for name in (FILE_NAME, HISTORY):
        if (path / name).exists():
            raise OutputError(
                f"{path} holds another training ({name}); choose another --out, or go on with "
                f"--resume {path}"
            )
