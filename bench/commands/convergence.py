"""``mnist-bench train`` of several backends or batches: convergence over epochs and seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import click

from bench import console, files, pictures
from bench.commands.train import REFUSED, said
from bench.job import ALL, Job, prepared
from mnist_core.errors import MnistBenchError, NetworkError, OutputError
from mnist_core.training import Epoch

HISTORY = "convergence.csv"

GOALS = (0.9, 0.95, 0.97, 0.98)
"""Test accuracies that people aim at."""

MINIBATCH = 128
"""Images of a mini-batch where the recipe itself has all images in one."""


@dataclass
class Run:
    """One of the trainings to compare, and how it went."""

    job: Job
    epochs: list[Epoch] = field(default_factory=list)
    reason: str = ""

    @property
    def name(self) -> str:
        """Backend and batch, as pictures and tables name it."""
        whole = self.job.recipe.batch is None
        batch = "all images at once" if whole else f"batch {self.job.images}"
        return f"{self.job.backend.name}, {batch}"


def convergence_command(
    compared: str | None, backends: Sequence[str], out: str | None, **options: Any
) -> int:
    """Train each in turn, draw them together and say when each reached what; 1 if one cannot."""
    from threadpoolctl import threadpool_limits

    path = files.folder(out)
    if (path / HISTORY).exists():
        raise OutputError(f"{path} holds another comparison; choose another --out")
    batches = _batches(compared, options["batch"])
    first = prepared(**{**options, "backend": backends[0], "batch": batches[0]})
    runs = [Run(first.varied(backend, batch)) for backend, batch in product(backends, batches)]
    with files.in_use(path):
        click.echo(f"{first.network} on {first.data.name}, {first.recipe.epochs} epochs")
        try:
            with threadpool_limits(options["threads"]):
                for run in runs:
                    _train(run)
        finally:
            # Also where one is interrupted: what the others reached is kept.
            _save(path, runs)
        reached = {run.name: run.epochs for run in runs if run.epochs}
        if reached:
            console.stdout().print(_table(reached))
            _, png = pictures.save(pictures.convergence(reached), path, "convergence")
            click.echo(f"picture   {png}")
            click.echo(f"history   {path / HISTORY}")
    return REFUSED if any(run.reason for run in runs) else 0


def _batches(compared: str | None, batch: Any) -> list[Any]:
    """What --compare names: batch is all images at once, minibatch the given or the usual one."""
    if compared is None:
        return [batch]
    words = compared.split(",")
    if batch is not None and ("minibatch" not in words or batch == ALL):
        raise NetworkError(
            f"--compare {compared}: --batch says how many images a minibatch has; leave it out"
        )
    meanings = {"batch": ALL, "minibatch": batch or MINIBATCH}
    found = []
    for word in words:
        if word not in meanings and not word.isdecimal():
            raise NetworkError(
                f"--compare {compared}: write batch, minibatch or numbers of images between commas"
            )
        found.append(meanings[word] if word in meanings else int(word))
    return list(dict.fromkeys(found))


def _train(run: Run) -> None:
    """Train one and keep its epochs; what goes wrong is its reason, and costs no other."""
    job, recipe = run.job, run.job.recipe
    try:
        model = job.model(recipe.seed)
        certificate = job.certify()
        if not certificate.passed:
            run.reason = f"refused: {certificate.reason}"
            click.echo(f"{run.name}   {run.reason}")
            return
        click.echo(f"{run.name}   certified {said(certificate)}")
        with console.TrainProgress(recipe.epochs) as progress:

            def on_epoch(epoch: Epoch) -> None:
                run.epochs.append(epoch)
                if epoch.epoch % recipe.every and epoch.epoch != recipe.epochs:
                    progress.advance()
                    return
                figures = f"loss {epoch.loss:.4f}   test accuracy {epoch.test_accuracy:.2%}"
                progress.epoch(f"{run.name}   epoch {epoch.epoch:3}   {figures}", figures)

            job.train(model, recipe.seed, on_epoch=on_epoch)
    except MnistBenchError as error:
        run.reason = str(error)
        click.echo(f"{run.name}   {error}")


def _save(path: Path, runs: Sequence[Run]) -> None:
    """Write all epochs of all runs, if there are any."""
    rows = [
        {"backend": run.job.backend.name, "batch": run.job.images} | asdict(epoch)
        for run in runs
        for epoch in run.epochs
    ]
    if rows:
        files.write_csv(path / HISTORY, rows, rows[0])


def _table(runs: Mapping[str, Sequence[Epoch]]) -> Any:
    """Seconds of training and epochs until each run recognised so many of the test images."""
    head = ["time to", *(f"{goal:.0%}" for goal in GOALS), "at the end"]
    return console.plain_table(head, [[name, *_reached(epochs)] for name, epochs in runs.items()])


def _reached(epochs: Sequence[Epoch]) -> list[str]:
    seconds = list(accumulate(epoch.seconds for epoch in epochs))
    cells = []
    for goal in GOALS:
        reached = (
            f"{second:.2f} s, epoch {epoch.epoch}"
            for epoch, second in zip(epochs, seconds, strict=True)
            if epoch.test_accuracy >= goal
        )
        cells.append(next(reached, ""))
    return [*cells, f"{epochs[-1].test_accuracy:.2%} after {seconds[-1]:.2f} s"]
