"""``mnist-bench train`` of several backends or batches: convergence over epochs and seconds."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import click

from bench import console, files, pictures
from bench.job import ALL, Job, prepared
from bench.training_folder import HISTORY
from mnist_core.errors import DivergedError, NetworkError, OutputError
from mnist_core.training import Epoch

GOALS = (0.9, 0.95, 0.97, 0.98)
"""Test accuracies that people aim at."""

MINIBATCH = 128
"""Images of a mini-batch where the recipe itself has all images in one."""

REFUSED = 1


@dataclass
class Run:
    """One of the trainings to compare, and how it went."""

    job: Job
    epochs: list[Epoch] = field(default_factory=list)
    reason: str = ""

    @property
    def name(self) -> str:
        """Backend and batch, as pictures and tables name it."""
        batch = "all images at once" if self.job.recipe.batch is None else self.job.images
        return f"{self.job.backend.name}, batch {batch}".replace("batch all", "all")


def convergence_command(
    compared: str | None, backends: Sequence[str], out: str | None, **options: Any
) -> int:
    """Train each in turn, draw them together and say when each reached what; 1 if one cannot."""
    from threadpoolctl import threadpool_limits

    path = files.folder(out)
    if (path / HISTORY).exists():
        raise OutputError(f"{path} holds the history of another training; choose another --out")
    runs = _runs(compared, backends, options)
    files.writable(path)
    click.echo(str(runs[0].job).split(", backend")[0])
    try:
        with threadpool_limits(options["threads"]):
            for run in runs:
                _train(run)
    finally:
        # Also where one is interrupted: what the others reached is kept.
        _save(path, runs)
    reached = {run.name: run.epochs for run in runs if run.epochs}
    if not reached:
        return REFUSED
    console.stdout().print(_table(reached))
    _, png = pictures.save(pictures.convergence(reached), path, "convergence")
    click.echo(f"picture   {png}")
    click.echo(f"history   {path / HISTORY}")
    return REFUSED if any(run.reason for run in runs) else 0


def _runs(compared: str | None, backends: Sequence[str], options: Mapping[str, Any]) -> list[Run]:
    """A run for each backend and batch, all checked before the first is trained."""
    batches = _batches(compared, options["batch"])
    runs: list[Run] = []
    for backend, batch in product(backends, batches):
        job = prepared(**{**options, "backend": backend, "batch": batch})
        if runs:  # the same images, held once
            job = replace(job, data=runs[0].job.data)
        runs.append(Run(job))
    return runs


def _batches(compared: str | None, batch: Any) -> list[Any]:
    """What --compare names: batch is all images at once, minibatch the given or the usual one."""
    if compared is None:
        return [batch]
    minibatch = batch if isinstance(batch, int) else MINIBATCH
    words = {"batch": ALL, "minibatch": minibatch}
    found = []
    for word in compared.split(","):
        if word not in words and not word.isdecimal():
            raise NetworkError(
                f"--compare {compared}: write batch, minibatch or numbers of images between commas"
            )
        found.append(words[word] if word in words else int(word))
    return list(dict.fromkeys(found))


def _train(run: Run) -> None:
    job = run.job
    model = job.model(job.recipe.seed)
    certificate = job.certify()
    if not certificate.passed:
        run.reason = certificate.reason or ""
        click.echo(f"{run.name}   refused: {run.reason}")
        return
    with console.TrainProgress(job.recipe.epochs) as progress:

        def on_epoch(epoch: Epoch) -> None:
            run.epochs.append(epoch)
            figures = f"loss {epoch.loss:.4f}   test accuracy {epoch.test_accuracy:.2%}"
            progress.epoch(f"{run.name}   epoch {epoch.epoch:3}   {figures}", figures)

        try:
            job.train(
                model,
                job.recipe.seed,
                between=lambda epochs, seconds: progress.advance(),
                on_epoch=on_epoch,
            )
        except DivergedError as error:
            run.reason = str(error)
            click.echo(f"{run.name}   {error}")


def _save(path: Path, runs: Sequence[Run]) -> None:
    """Write all epochs of all runs, or leave no empty folder behind."""
    rows = [
        {"backend": run.job.backend.name, "batch": run.job.images} | vars(epoch)
        for run in runs
        for epoch in run.epochs
    ]
    if not rows:
        files.remove_if_empty(path)
        return
    with files.replacing(path / HISTORY) as temporary, temporary.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def _table(runs: Mapping[str, Sequence[Epoch]]) -> Any:
    """Seconds of training and epochs until each run recognised so many of the test images."""
    head = ["time to", *(f"{goal:.0%}" for goal in GOALS), "at the end"]
    return console.plain_table(head, [[name, *_reached(epochs)] for name, epochs in runs.items()])


def _reached(epochs: Sequence[Epoch]) -> list[str]:
    cells = []
    for goal in GOALS:
        seconds = accumulate(epoch.seconds for epoch in epochs)
        pairs = zip(epochs, seconds, strict=True)
        first = next(((e, s) for e, s in pairs if e.test_accuracy >= goal), None)
        cells.append("" if first is None else f"{first[1]:.2f} s, epoch {first[0].epoch}")
    last, total = epochs[-1], sum(epoch.seconds for epoch in epochs)
    return [*cells, f"{last.test_accuracy:.2%} after {total:.2f} s"]
