"""What a trained network is shown by: tables on the terminal, pictures and predictions in files."""

from collections.abc import Sequence
from pathlib import Path

import click

from bench import console, pictures
from bench.training_folder import HISTORY
from mnist_core.data import Dataset
from mnist_core.data.csv_files import write_submission
from mnist_core.network import Network
from mnist_core.operators import HostArray
from mnist_core.training import DeviceData, Epoch, evaluate, predict
from mnist_core.weights import FILE_NAME, sha256

SUBMISSION = "submission.csv"


def show(data: Dataset, model: Network, folder: Path, history: Sequence[Epoch]) -> None:
    """Say how well training and test images are recognised, draw it, and name what was written."""
    parts = {
        "training": (data.train_images, data.train_labels),
        "test": (data.test_images, data.test_labels),
    }
    rows = [[name, *_figures(model, *part)] for name, part in parts.items()]
    output = console.stdout()
    output.print()
    output.print(console.plain_table(["", "images", "accuracy", "loss"], rows))
    show_predictions(data, model, folder)
    if history:
        _, png = pictures.save(pictures.curves(history), folder, "curves")
        click.echo(f"pictures  {png}")
    click.echo(f"history   {folder / HISTORY}")
    click.echo(f"weights   {folder / FILE_NAME}   sha256 {sha256(model.get_parameters())}")


def _figures(model: Network, images: HostArray, labels: HostArray) -> list[str]:
    loss, accuracy = evaluate(model, DeviceData.load(model, images, labels))
    return [f"{len(labels):,}", f"{accuracy:.2%}", f"{loss:.4f}"]


def show_predictions(data: Dataset, model: Network, folder: Path) -> None:
    """Score each class of the test images, draw some of them, and predict what has no label."""
    probabilities = predict(model, data.test_images)
    counts = pictures.confusion_counts(
        data.test_labels, probabilities.argmax(axis=1), probabilities.shape[1]
    )
    output = console.stdout()
    output.print()
    output.print(console.plain_table(["class", "images", "precision", "recall"], _scores(counts)))
    output.print()
    shown = pictures.chosen(data.test_labels, probabilities)
    sample = data.test_images[shown], data.test_labels[shown], probabilities[shown]
    charts = {
        "predictions": pictures.predictions(*sample),
        "confusion": pictures.confusion(counts),
    }
    for name, chart in charts.items():
        _, png = pictures.save(chart, folder, name)
        click.echo(f"pictures  {png}")
    if data.unlabelled is not None:
        predicted = predict(model, data.unlabelled).argmax(axis=1)
        write_submission(folder / SUBMISSION, predicted)
        click.echo(f"predicted {folder / SUBMISSION}   {len(predicted):,} images without a label")


def _scores(counts: HostArray) -> list[list[str]]:
    return [
        [str(score.label), f"{score.images:,}", f"{score.precision:.2%}", f"{score.recall:.2%}"]
        for score in pictures.by_class(counts)
    ]
