"""``mnist-bench train`` and ``mnist-bench evaluate``."""

import csv
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from bench import console, files
from bench.worker import THREAD_VARIABLES
from mnist_core import registry
from mnist_core.backends import LEVELS, Backend
from mnist_core.data import Dataset
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, NetworkError, OutputError
from mnist_core.network import Network, initial_parameters, parse_sizes
from mnist_core.numerics.exact_range import CheckedNetwork
from mnist_core.precision import EXACT, Precision
from mnist_core.precision import precision as find_precision
from mnist_core.presets import Preset
from mnist_core.presets import preset as find_preset
from mnist_core.schedules import CONSTANT
from mnist_core.schedules import schedule as find_schedule
from mnist_core.training import DeviceData, Epoch, History, check_recipe
from mnist_core.training import evaluate as evaluate_network
from mnist_core.training import train as train_network
from mnist_core.weights import load as load_weights
from mnist_core.weights import save as save_weights

_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Job:
    """What is to be trained on what: the options, checked and put together."""

    backend: Backend
    recipe: Preset
    precision: Precision
    data: Dataset
    images: int
    reading_seconds: float

    def model(self, seed: int) -> Network:
        """A fresh network with the initial weights of a seed."""
        exact = self.backend.computing_in(self.precision)
        composed = not any(exact.take_over(level) for level in LEVELS)
        # Where steps leave their values on the host, every one can be seen to be exact.
        on_host = self.backend.space.device == "cpu"
        checked = self.precision is EXACT and composed and on_host
        initial = initial_parameters(self.recipe.network, seed, self.recipe.scale)
        model = (CheckedNetwork if checked else Network)(
            self.recipe.network, self.backend, precision=self.precision, initial=initial
        )
        # Libraries that are loaded at the first call would come too late for the limit on threads.
        with np.errstate(all="ignore"):
            model.forward(model.buffers(1).x)
        return model

    def train(self, model: Network, seed: int, **options: Any) -> History:
        """Train by the recipe; ``options`` as `mnist_core.training.train` takes them."""
        recipe = self.recipe
        with np.errstate(all="ignore"):  # training that diverges says so itself
            return train_network(
                model,
                self.data,
                epochs=recipe.epochs,
                batch=self.images,
                lr=recipe.lr,
                seed=seed,
                schedule=recipe.schedule,
                **options,
            )

    def __str__(self) -> str:
        falling = "" if self.recipe.schedule == CONSTANT else f", {self.recipe.schedule}"
        return (
            f"{'-'.join(map(str, self.recipe.network))} on {self.data.name}, "
            f"backend {self.backend.name}, batch {self.images}, "
            f"learning rate {self.recipe.lr:g}{falling}, {self.precision.name}"
        )


def prepared(
    backend: str,
    preset: str | None,
    data: str,
    precision: str,
    threads: int | None,
    plugins: tuple[str, ...],
    **given: Any,
) -> Job:
    """The job that options ask for: the preset with what was given in its place."""
    if threads is not None:
        # Libraries that are not loaded yet read them; of those that are, threadpoolctl sets some.
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    registry.load_plugins(plugins)
    kind, recipe = find_precision(precision), find_preset(preset or "standard")
    network = given.pop("network")
    if network:
        given["network"] = parse_sizes(network)
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    recipe = replace(recipe, **{"lr": kind.nearest_lr(recipe.lr), **overrides})
    find_schedule(recipe.schedule)
    chosen = registry.available(backend)
    reason = chosen.unavailable_in(kind)
    if reason:
        raise BackendError(reason)
    begun = perf_counter()
    dataset = load_data(data)
    seconds = perf_counter() - begun
    images = len(dataset.train_labels) if recipe.batch is None else recipe.batch
    check_recipe(recipe.network, dataset, images)
    kind.rate(recipe.lr, images)
    if kind is EXACT and recipe.schedule != CONSTANT:
        raise NetworkError(
            f"schedule {recipe.schedule}: exact precision takes constant, since every learning "
            f"rate must be a power of two"
        )
    return Job(chosen, recipe, kind, dataset, images, seconds)


def train_command(out: str | None, **options: Any) -> None:
    """Train, print a line an epoch, save weights.safetensors and history.csv."""
    from threadpoolctl import threadpool_limits

    job = prepared(**options)
    folder = files.writable(files.folder(out))
    if (folder / _WEIGHTS).exists():
        raise OutputError(f"{folder} holds the weights of another training; choose another --out")
    model = job.model(job.recipe.seed)
    click.echo(str(job))
    kept = _Kept(model)

    def on_epoch(epoch: Epoch) -> None:
        kept.add(epoch)
        progress.epoch(_line(epoch, job.data))

    try:
        with (
            threadpool_limits(options["threads"]),
            console.TrainProgress(job.recipe.epochs) as progress,
        ):
            job.train(model, job.recipe.seed, on_epoch=on_epoch)
    finally:
        # Also where training is interrupted or diverges: what was finished is kept.
        kept.save(
            folder,
            {
                "preset": job.recipe.name,
                "data": job.data.name,
                "backend": job.backend.name,
                "precision": job.precision.name,
            },
        )


class _Kept:
    """The history so far and the parameters after its last epoch."""

    def __init__(self, model: Network) -> None:
        self._model = model
        self._epochs: list[Epoch] = []

    def add(self, epoch: Epoch) -> None:
        self._epochs.append(epoch)
        self._parameters = self._model.get_parameters()

    def save(self, folder: Path, described: dict[str, str]) -> None:
        """Write weights and history, or leave no empty folder behind."""
        if not self._epochs:
            files.remove_if_empty(folder)
            return
        self._model.set_parameters(self._parameters)
        save_weights(folder / _WEIGHTS, self._model, described)
        rows = [asdict(epoch) for epoch in self._epochs]
        with files.replacing(folder / "history.csv") as path, path.open("w", newline="") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
        click.echo(f"weights   {folder / _WEIGHTS}")


def _line(epoch: Epoch, data: Dataset) -> str:
    return (
        f"epoch {epoch.epoch:3}   loss {epoch.loss:.4f}   test loss {epoch.test_loss:.4f}   "
        f"test accuracy {epoch.test_accuracy:.2%}   "
        f"{len(data.train_labels) / epoch.seconds:,.0f} images/s"
    )


def evaluate_command(weights: str, backend: str, data: str, plugins: tuple[str, ...]) -> None:
    """Print loss and accuracy of saved weights on the test images."""
    registry.load_plugins(plugins)
    path = Path(weights)
    saved = load_weights(path / _WEIGHTS if path.is_dir() else path)
    dataset = load_data(data)
    check_recipe(saved.sizes, dataset, 1)
    trained_on = saved.metadata.get("data", dataset.name)
    if trained_on != dataset.name:
        click.echo(f"warning: trained on {trained_on}, evaluated on {dataset.name}", err=True)
    kind = saved.metadata.get("precision", str(saved.parameters[0][0].dtype))
    model = Network(
        saved.sizes,
        registry.available(backend),
        precision=find_precision(kind),
        initial=saved.parameters,
    )
    test = DeviceData.load(model, dataset.test_images, dataset.test_labels)
    loss, accuracy = evaluate_network(model, test)
    click.echo(
        f"{'-'.join(map(str, saved.sizes))} on {len(dataset.test_labels):,} test images of "
        f"{dataset.name}: loss {loss:.4f}, accuracy {accuracy:.2%}"
    )
