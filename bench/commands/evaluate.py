"""``mnist-bench evaluate``."""

from pathlib import Path

import click
import numpy as np

from bench import files, trained
from bench.job import OFFICIAL, able, split_by
from mnist_core import registry
from mnist_core.data import load as load_data
from mnist_core.network import Network
from mnist_core.precision import precision as find_precision
from mnist_core.presets import preset as find_preset
from mnist_core.training import DeviceData, check_recipe
from mnist_core.training import evaluate as evaluate_network
from mnist_core.weights import load as load_weights


def evaluate_command(
    weights: str,
    backend: str,
    data: str,
    split: str,
    plugins: tuple[str, ...],
    out: str | None,
) -> None:
    """Print loss and accuracy of saved weights on the test images; with ``out`` draw them too."""
    registry.load_plugins(plugins)
    saved = load_weights(Path(weights))
    dataset = load_data(data)
    if split != OFFICIAL:
        recipe = find_preset(saved.metadata.get("preset", "standard"))
        dataset = split_by(recipe, split, dataset)
    check_recipe(saved.sizes, dataset, 1)
    trained_on = saved.metadata.get("data", dataset.name)
    if trained_on != dataset.name:
        click.echo(f"warning: trained on {trained_on}, evaluated on {dataset.name}", err=True)
    kind = find_precision(saved.precision)
    model = Network(saved.sizes, able(backend, kind), precision=kind, initial=saved.parameters)
    with np.errstate(all="ignore"):
        test = DeviceData.load(model, dataset.test_images, dataset.test_labels)
        loss, accuracy = evaluate_network(model, test)
    click.echo(
        f"{'-'.join(map(str, saved.sizes))} on {len(dataset.test_labels):,} test images of "
        f"{dataset.name}: loss {loss:.4f}, accuracy {accuracy:.2%}"
    )
    if out is not None:
        trained.show_predictions(dataset, model, files.writable(Path(out)))
