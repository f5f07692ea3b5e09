"""What `train` is asked for, checked and put together: a network, a recipe, data and a backend."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.worker import THREAD_VARIABLES
from mnist_core import registry
from mnist_core.backends import LEVELS, Backend
from mnist_core.data import SOURCES, Dataset, resolve
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, NetworkError
from mnist_core.network import Network, initial_parameters, parse_sizes
from mnist_core.numerics.certificate import Certificate, certify_large
from mnist_core.numerics.exact_range import CheckedNetwork
from mnist_core.precision import EXACT, Precision
from mnist_core.precision import precision as find_precision
from mnist_core.presets import Preset
from mnist_core.presets import preset as find_preset
from mnist_core.schedules import CONSTANT
from mnist_core.schedules import schedule as find_schedule
from mnist_core.training import History, check_recipe
from mnist_core.training import train as train_network

ALL = "all"
"""How one asks for a batch of all images."""

OFFICIAL = "official"
"""The split into training and test images that a data set comes with."""


@dataclass(frozen=True)
class Job:
    """One training: what is trained how, where, and on what.

    ``source`` is what ``--data`` named, as another process finds it from any folder.
    """

    backend: Backend
    recipe: Preset
    precision: Precision
    data: Dataset
    source: str
    reading_seconds: float

    @property
    def images(self) -> int:
        """Images a step."""
        return len(self.data.train_labels) if self.recipe.batch is None else self.recipe.batch

    @property
    def network(self) -> str:
        """Layer sizes as people write them."""
        return "-".join(map(str, self.recipe.network))

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

    def certify(self) -> Certificate:
        """That the backend computes training at this network, batch and precision."""
        return certify_large(
            self.backend, self.recipe.network, self.images, self.precision, self.data
        )

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

    def varied(self, backend: str, batch: int | str | None) -> "Job":
        """The same on another backend or with another batch, checked as this one was."""
        recipe = overridden(self.recipe, {"batch": batch})
        return _checked(replace(self, backend=able(backend, self.precision), recipe=recipe))

    def __str__(self) -> str:
        falling = "" if self.recipe.schedule == CONSTANT else f", {self.recipe.schedule}"
        return (
            f"{self.network} on {self.data.name}, "
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
    split: str = OFFICIAL,
    **given: Any,
) -> Job:
    """The job that options ask for: the preset with what was given in its place."""
    use_threads(threads)
    registry.load_plugins(plugins)
    kind, recipe = find_precision(precision), find_preset(preset or "standard")
    recipe = overridden(replace(recipe, lr=kind.nearest_lr(recipe.lr)), given)
    find_schedule(recipe.schedule)
    chosen, source = able(backend, kind), _located(data)
    begun = perf_counter()
    dataset = split_by(recipe, split, load_data(source))
    return _checked(Job(chosen, recipe, kind, dataset, source, perf_counter() - begun))


def use_threads(threads: int | None) -> None:
    """Have libraries use so many threads."""
    if threads is not None:
        # Libraries that are not loaded yet read them; of those that are, threadpoolctl sets some.
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))


def overridden(recipe: Preset, given: dict[str, Any]) -> Preset:
    """A recipe with what was given in its place; what is None was not."""
    values = {key: value for key, value in given.items() if value is not None}
    if "network" in values:
        values["network"] = parse_sizes(values["network"])
    if values.get("batch") == ALL:
        values["batch"] = None
    return replace(recipe, **values)


def split_by(recipe: Preset, split: str, dataset: Dataset) -> Dataset:
    """The data set in its official split, or in that of the preset's original."""
    if split == OFFICIAL:
        return dataset
    if recipe.original is None:
        raise NetworkError(
            f"--split original: preset {recipe.name} has no split but the official one"
        )
    return recipe.original(dataset)


def able(name: str, kind: Precision) -> Backend:
    """The backend of that name; `BackendError` if it cannot run here, or not in this precision."""
    backend = registry.available(name)
    reason = backend.unavailable_in(kind)
    if reason:
        raise BackendError(reason)
    return backend


def _located(data: str) -> str:
    """A name of a data set, or the whole path of one."""
    found = resolve(data)
    path = Path(found).expanduser()
    is_path = found and found not in SOURCES and path.exists()
    return str(path.resolve()) if is_path else found


def _checked(job: Job) -> Job:
    """The job itself; `NetworkError` where its parts cannot go together."""
    recipe, kind = job.recipe, job.precision
    check_recipe(recipe.network, job.data, job.images)
    kind.rate(recipe.lr, job.images)
    planned = find_schedule(recipe.schedule)
    for epoch in range(recipe.epochs if recipe.schedule != CONSTANT else 0):
        for rate in planned.rates(recipe.lr, epoch, recipe.epochs):
            try:
                kind.rate(rate, job.images)
            except NetworkError as error:
                raise NetworkError(
                    f"schedule {recipe.schedule}, epoch {epoch + 1}: {error}"
                ) from error
    return job
