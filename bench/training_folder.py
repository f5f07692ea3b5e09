"""A training's folder: weights with all that it takes to go on, and the history."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from bench import files
from mnist_core.errors import DataError, DivergedError, OutputError
from mnist_core.network import Network
from mnist_core.training import Epoch, Permutations
from mnist_core.weights import FILE_NAME, Weights
from mnist_core.weights import load as load_weights
from mnist_core.weights import save as save_weights

HISTORY = "history.csv"

_SECONDS = 2.0
"""Between two writings: what a training that is killed has lost at the most, an epoch aside."""

_COLUMNS = [field.name for field in fields(Epoch)]


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
        self.epochs = stage.epochs
        self._model, self._orders = model, orders
        self._described = described
        self._carried = stage.seconds
        self._kept: tuple[Stage, Any] | None = None
        self._written = -math.inf

    def between(self, epochs: int, elapsed: Any) -> None:
        """After an epoch without a line; ``elapsed`` gives the seconds since the last one."""
        if monotonic() - self._written > _SECONDS:
            self._keep(Stage(epochs, self._carried + elapsed(), self._orders.place))

    def add(self, epoch: Epoch) -> Epoch:
        """A line of the history, as it is kept: with the seconds before it went on."""
        epoch = replace(epoch, seconds=epoch.seconds + self._carried)
        self._carried = 0.0
        self.history.append(epoch)
        self._keep(Stage(epoch.epoch, 0.0, self._orders.place))
        return epoch

    def _keep(self, stage: Stage) -> None:
        parameters = self._model.get_parameters()
        if not all(np.isfinite(array).all() for pair in parameters for array in pair):
            raise DivergedError(
                f"training diverged: the weights are not finite after epoch {stage.epochs}; "
                "try a smaller learning rate"
            )
        self._kept, self.epochs = (stage, parameters), stage.epochs
        if monotonic() - self._written > _SECONDS:
            self._write(stage)

    def finish(self) -> None:
        """Write what was kept last, if anything, which the network then has again."""
        if self._kept is None:
            return
        stage, parameters = self._kept
        self._model.set_parameters(parameters)
        self._write(stage)

    def _write(self, stage: Stage) -> None:
        """The history first: killed before the weights are there, it has a line too many."""
        files.write_csv(self.path / HISTORY, map(asdict, self.history), _COLUMNS)
        described = {**self._described, "stage": json.dumps(asdict(stage))}
        save_weights(self.path / FILE_NAME, self._model, described)
        self._written = monotonic()


@dataclass(frozen=True)
class Request:
    """What a training was asked for, as its weights' file keeps it.

    ``options`` are those of the command line, ``beginnings`` what must not have changed when it
    goes on (data, recipe) and ``conditions`` what its bits may depend on (threads, versions, code).
    """

    options: dict[str, Any]
    beginnings: dict[str, Any]
    conditions: dict[str, Any]

    def texts(self) -> dict[str, str]:
        """As metadata."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Kept:
    """A training that was kept, and how far it had come."""

    weights: Weights
    request: Request
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
        names = [field.name for field in fields(Request)]
        request = Request(*(dict(json.loads(weights.metadata[name])) for name in names))
        stage = Stage(**json.loads(weights.metadata["stage"]))
        Permutations(1, 0, stage.place)
        history = [epoch for epoch in _history(path) if epoch.epoch <= stage.epochs]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path / FILE_NAME} does not say how its training could go on; begin a new one"
        ) from error
    return Kept(weights, request, stage, history)


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
    if (path / FILE_NAME).exists():
        raise OutputError(
            f"{path} holds another training ({FILE_NAME}); choose another --out, or go on with "
            f"--resume {path}"
        )
    if (path / HISTORY).exists():
        raise OutputError(f"{path} holds the history of another training; choose another --out")
