"""``mnist-bench train --to-accuracy``: how long training takes until enough is learned."""

from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import click

from bench import console, files
from bench.commands.train import REFUSED, said
from bench.job import Job, prepared
from mnist_core.errors import NetworkError, OutputError
from mnist_core.training import Epoch, History

SEEDS = 5

_HISTORY = "seeds.csv"

RECIPES = {97.0: "to-97", 98.0: "to-98"}
"""Presets that reach a percentage on MNIST with every one of five seeds, in the shortest time."""


def _preset(percent: float, given: dict[str, Any]) -> str | None:
    """The preset for a percentage; None where the options make a recipe of their own."""
    if given["preset"] or given["epochs"]:
        return None
    for reached, name in RECIPES.items():
        if percent <= reached:
            return name
    raise NetworkError(
        f"--to-accuracy {percent:g}: no preset is known to reach more than {max(RECIPES):g} %; "
        f"give --epochs, and what else there is to a recipe"
    )


def to_accuracy_command(percent: float, out: str | None, **options: Any) -> int:
    """Train with five seeds until ``percent`` is reached, or to the end of the recipe.

    Returns 1 if a seed did not reach it, or if the backend is refused.
    """
    from threadpoolctl import threadpool_limits

    options["preset"] = _preset(percent, options) or options["preset"]
    folder = files.folder(out)
    if (folder / _HISTORY).exists():
        raise OutputError(f"{folder} holds trainings to an accuracy; choose another --out")
    job = prepared(**options)
    with files.in_use(folder), threadpool_limits(options["threads"]):
        click.echo(f"{job}, until {percent:g} % of the test images are recognised")
        certificate = job.certify()
        if not certificate.passed:
            click.echo(f"refused   {certificate.reason}")
            return REFUSED
        click.echo(f"certified {said(certificate)}")
        found = _train_seeds(job, percent, folder)
    return 0 if all(_reached(history, percent) for history in found.values()) else 1


def _train_seeds(job: Job, percent: float, folder: Path) -> dict[int, History]:
    found: dict[int, History] = {}
    ready: dict[int, float] = {}
    try:
        with console.TrainProgress(SEEDS) as progress:
            for seed in range(job.recipe.seed, job.recipe.seed + SEEDS):
                begun = perf_counter()
                model = job.model(seed)
                found[seed] = job.train(model, seed, until=percent / 100)
                # What went by before the first epoch, compilation first of all.
                ready[seed] = perf_counter() - begun - sum(map(_seconds, found[seed].epochs))
                progress.epoch(_line(seed, found[seed], percent))
        click.echo(_summary(job, list(found.values()), ready[job.recipe.seed]))
    finally:
        # Also where a seed diverges or is interrupted: what the others took is kept.
        _save(folder, found)
    return found


def _save(folder: Path, found: dict[int, History]) -> None:
    """Write all epochs of all seeds, if there are any."""
    rows = [{"seed": seed} | row for seed, history in found.items() for row in history.rows()]
    if rows:
        files.write_csv(folder / _HISTORY, rows, rows[0])
        click.echo(f"history   {folder / _HISTORY}")


def _reached(history: History, percent: float) -> bool:
    return history.epochs[-1].test_accuracy >= percent / 100


def _seconds(epoch: Epoch) -> float:
    return epoch.seconds + epoch.test_seconds


def _trained(history: History) -> float:
    return sum(epoch.seconds for epoch in history.epochs)


def _line(seed: int, history: History, percent: float) -> str:
    last = history.epochs[-1]
    missed = "" if _reached(history, percent) else f"   {percent:g} % not reached"
    return (
        f"seed {seed}   {last.test_accuracy:.2%} after {last.epoch:2} epochs   "
        f"{_trained(history):.3f} s of training{missed}"
    )


def _summary(job: Job, histories: list[History], ready: float) -> str:
    testing = mean(sum(epoch.test_seconds for epoch in h.epochs) for h in histories)
    return (
        f"mean      {mean(h.epochs[-1].test_accuracy for h in histories):.2%}   "
        f"{mean(map(_trained, histories)):.3f} s of training\n"
        f"apart     reading data {job.reading_seconds:.2f} s, "
        f"compiling and warming up {ready:.2f} s at first, "
        f"testing {testing:.3f} s a seed"
    )
