"""``mnist-bench train``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bench import console, files, trained
from bench.job import Job, check_same_data, located, prepared
from bench.training_folder import Stage, TrainingFolder, check_unused, read
from mnist_core.network import Network
from mnist_core.numerics.certificate import Certificate
from mnist_core.training import Epoch, Permutations

REFUSED = 1


def train_command(out: str | None, **options: Any) -> int:
    """Train, print a line an epoch, leave weights, history and pictures; 1 if it is refused."""
    path = files.folder(out)
    check_unused(path)
    job = prepared(**options)
    files.writable(path)
    return _train(path, job, _lasting(options), job.model(job.recipe.seed), Stage(), [])


def resume_command(resume: str) -> int:
    """Go on with a training that was broken off, to the same bits as if it had not been."""
    path = Path(resume)
    kept = read(path)
    files.writable(path)
    job = prepared(**kept.options)
    check_same_data(job, kept.data_sha256)
    model = job.model(job.recipe.seed)
    model.set_parameters(kept.weights.parameters)
    return _train(path, job, kept.options, model, kept.stage, kept.history)


def _train(
    path: Path,
    job: Job,
    options: Mapping[str, Any],
    model: Network,
    stage: Stage,
    history: list[Epoch],
) -> int:
    from threadpoolctl import threadpool_limits

    click.echo(str(job))
    with threadpool_limits(options["threads"]):
        certificate = job.certify()
        if not certificate.passed:
            click.echo(f"refused   {certificate.reason}")
            files.remove_if_empty(path)
            return REFUSED
        click.echo(f"certified {_said(certificate)}")
        orders = Permutations(len(job.data.train_labels), job.recipe.seed, stage.place)
        described = _described(job, options, certificate)
        folder = TrainingFolder(path, model, orders, described, stage, history)
        with console.TrainProgress(job.recipe.epochs, stage.epochs) as progress:
            watch = _Watch(job, folder, progress, stage.epochs)
            try:
                job.train(
                    model,
                    job.recipe.seed,
                    done=stage.epochs,
                    orders=orders,
                    between=watch.between,
                    on_epoch=watch.on_epoch,
                )
            finally:
                # Also where training is interrupted or diverges: what was finished is kept.
                if not folder.finish():
                    files.remove_if_empty(path)
        trained.show(job.data, model, path, folder.history)
    return 0


class _Watch:
    """Passes on what training says of its epochs."""

    def __init__(
        self, job: Job, folder: TrainingFolder, progress: console.TrainProgress, done: int
    ) -> None:
        self._images = len(job.data.train_labels)
        self._folder, self._progress, self._done = folder, progress, done

    def between(self, epochs: int, seconds: float) -> None:
        self._folder.between(epochs, seconds)
        self._progress.advance()

    def on_epoch(self, epoch: Epoch) -> None:
        epoch = self._folder.add(epoch)
        before = self._folder.history[-2].epoch if len(self._folder.history) > 1 else 0
        rate = self._images * (epoch.epoch - before) / epoch.seconds
        figures = f"loss {epoch.loss:.4f}   test accuracy {epoch.test_accuracy:.2%}"
        speed = f"{rate:,.0f} images/s"
        line = f"epoch {epoch.epoch:3}   {figures}   test loss {epoch.test_loss:.4f}   {speed}"
        self._progress.epoch(line, f"{figures}   {speed}")


def _lasting(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that mean the same in another process, wherever that is started."""
    plugins = [str(Path(plugin).resolve()) for plugin in options["plugins"]]
    return {**options, "data": located(options["data"]), "plugins": plugins}


def _described(job: Job, options: Mapping[str, Any], certificate: Certificate) -> dict[str, str]:
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
        "data_sha256": job.data.sha256,
        "backend": job.backend.name,
        "precision": job.precision.name,
        "certificate": json.dumps(shown),
        "options": json.dumps(dict(options)),
    }


def _said(certificate: Certificate) -> str:
    ratio = certificate.error_ratio()
    error = "" if ratio is None else f" · {ratio:.1f}x NumPy's error"
    return f"{certificate.claim.replace(':', ' ')}{error}, at batch {certificate.batch}"
