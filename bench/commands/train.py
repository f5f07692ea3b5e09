"""``mnist-bench train``."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bench import console, files, machine, trained
from bench.job import Job, prepared
from bench.training_folder import Request, Stage, TrainingFolder, check_unused, read
from mnist_core.errors import DataError
from mnist_core.network import Network
from mnist_core.numerics.certificate import Certificate
from mnist_core.precision import EXACT
from mnist_core.training import Epoch, Permutations

REFUSED = 1


def train_command(out: str | None, **options: Any) -> int:
    """Train, print a line an epoch, leave weights, history and pictures; 1 if it is refused."""
    path = files.folder(out)
    check_unused(path)
    job = prepared(**options)
    with files.in_use(path):
        return _train(path, job, job.model(job.recipe.seed), _request(job, options), Stage(), [])


def resume_command(resume: str) -> int:
    """Go on with a training that was broken off, to the same bits as if it had not been."""
    path = Path(resume)
    path = path.parent if path.is_file() else path
    kept = read(path)
    try:
        job = prepared(**kept.request.options)
    except TypeError as error:
        raise DataError(f"{path}: a training of another version; begin a new one") from error
    request = _request(job, kept.request.options)
    _check(path, kept.request, request)
    with files.in_use(path):
        model = job.model(job.recipe.seed)
        model.set_parameters(kept.weights.parameters)
        return _train(path, job, model, request, kept.stage, kept.history)


def _request(job: Job, options: Mapping[str, Any]) -> Request:
    plugins = [str(Path(plugin).resolve()) for plugin in options["plugins"]]
    recipe = {name: value for name, value in asdict(job.recipe).items() if name != "original"}
    return Request(
        options={**options, "data": job.source, "plugins": plugins},
        beginnings=_plain({"data": job.data.sha256, "recipe": recipe}),
        conditions={
            "threads": options["threads"] or machine.cores(),
            "versions": machine.backend_versions(job.backend),
            "code": machine.source_sha256(plugins)[:12],
        },
    )


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(value))


def _check(path: Path, then: Request, now: Request) -> None:
    """Refuse to go on with something else; warn where other bits may come out of it."""
    for name, value in now.beginnings.items():
        if then.beginnings.get(name) != value:
            raise DataError(
                f"{path}: the {name} is not what this training began with; begin a new one"
            )
    for name, value in now.conditions.items():
        before = then.conditions.get(name)
        if before != value:
            click.echo(
                f"warning: {name} was {before}, now {value}: the weights may end with other bits",
                err=True,
            )


def _train(
    path: Path, job: Job, model: Network, request: Request, stage: Stage, history: Sequence[Epoch]
) -> int:
    from threadpoolctl import threadpool_limits

    recipe = job.recipe
    click.echo(f"{job}, {recipe.epochs} epochs, seed {recipe.seed}")
    click.echo(f"folder    {path}")
    if stage.epochs:
        click.echo(f"going on  after epoch {stage.epochs}")
    with threadpool_limits(request.options["threads"]):
        certificate = job.certify()
        if not certificate.passed:
            click.echo(f"refused   {certificate.reason}")
            return REFUSED
        click.echo(f"certified {said(certificate)}")
        orders = Permutations(len(job.data.train_labels), recipe.seed, stage.place)
        described = {**_described(job, certificate), **request.texts()}
        folder = TrainingFolder(path, model, orders, described, stage, history)
        try:
            with console.TrainProgress(recipe.epochs, stage.epochs) as progress:
                watch = _Watch(job, folder, progress)
                job.train(
                    model,
                    recipe.seed,
                    every=recipe.every,
                    done=stage.epochs,
                    orders=orders,
                    between=watch.between,
                    on_epoch=watch.on_epoch,
                )
        finally:
            # Also where training is interrupted or diverges: what was finished is kept.
            folder.finish()
            if 0 < folder.epochs < recipe.epochs:
                click.echo(
                    f"kept      {folder.epochs} of {recipe.epochs} epochs; to go on: "
                    f"mnist-bench train --resume {path}"
                )
        trained.show(job.data, model, path, folder.history)
    return 0


class _Watch:
    """Passes on what training says of its epochs."""

    def __init__(self, job: Job, folder: TrainingFolder, progress: console.TrainProgress) -> None:
        self._images = len(job.data.train_labels)
        self._folder, self._progress = folder, progress

    def between(self, epochs: int, elapsed: Callable[[], float]) -> None:
        self._folder.between(epochs, elapsed)
        self._progress.advance()

    def on_epoch(self, epoch: Epoch) -> None:
        epoch = self._folder.add(epoch)
        before = self._folder.history[-2].epoch if len(self._folder.history) > 1 else 0
        rate = self._images * (epoch.epoch - before) / epoch.seconds
        self._progress.epoch(
            f"epoch {epoch.epoch:3}   loss {epoch.loss:.4f}   "
            f"test accuracy {epoch.test_accuracy:.2%}   test loss {epoch.test_loss:.4f}   "
            f"{rate:,.0f} images/s",
            f"{epoch.test_accuracy:.2%}  loss {epoch.loss:.4f}  {rate:,.0f} images/s",
        )


def _described(job: Job, certificate: Certificate) -> dict[str, str]:
    """What the weights' file says of their training."""
    shown = {
        "claim": certificate.claim,
        "batch": certificate.batch,
        "error_ratio": certificate.error_ratio(),
        "hashes": certificate.hashes,
    }
    return {
        "preset": job.recipe.name,
        "data": job.data.name,
        "backend": job.backend.name,
        "precision": job.precision.name,
        "certificate": json.dumps(shown),
    }


def said(certificate: Certificate) -> str:
    """What a certificate shows, in a line."""
    if certificate.precision == EXACT.name:
        shown = f"{certificate.claim.replace(':', ' ')} after the steps that prove it"
    else:
        shown = f"{certificate.claim} · {certificate.error_ratio():.1f}x NumPy's error"
    return f"{shown}, at batch {certificate.batch}"
