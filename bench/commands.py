"""What each command of the command line does."""

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench import console, machine, results, runner, suite
from mnist_core import registry, weights
from mnist_core.backends import Backend
from mnist_core.data import Dataset, resolve
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, NetworkError, OutputError
from mnist_core.network import Network, initial_parameters, parse_sizes
from mnist_core.precision import precision as find_precision
from mnist_core.presets import PRESETS, Preset
from mnist_core.presets import preset as find_preset
from mnist_core.training import DeviceData, Epoch, check_recipe
from mnist_core.training import evaluate as evaluate_network
from mnist_core.training import train as train_network

RUNS = Path("results") / "runs"


def _folder(out: str | None) -> Path:
    stamp = results.now()[:19].replace(":", "-")
    return Path(out) if out else RUNS / stamp


def _load_plugins(plugins: tuple[str, ...]) -> None:
    for plugin in plugins:
        registry.load_plugin(plugin)


def _available(name: str) -> Backend:
    backend = registry.backend(name)
    reason = backend.unavailable()
    if reason:
        raise BackendError(f"backend {name} is unavailable: {reason}")
    return backend


def _selected(names: tuple[str, ...]) -> list[Backend]:
    """Backends named, or all of the suite's own; peers when named or with "all"."""
    everything = registry.backends().values()
    if "all" in names:
        return list(everything)
    if names:
        return [registry.backend(name) for name in dict.fromkeys(names)]
    return [backend for backend in everything if backend.role == "own"]


def _chosen_kernels(pairs: tuple[str, ...], backends: list[Backend]) -> dict[str, str]:
    chosen = {}
    for pair in pairs:
        operator, equals, name = pair.partition("=")
        if not equals or not name:
            raise BackendError(f"--kernel {pair}: write OPERATOR=NAME, such as dense=array")
        registry.operator(operator)
        chosen[operator] = name
    for backend in backends if chosen else []:
        if backend.unavailable() is None:
            backend.choosing(chosen)
    return chosen


def _levels(levels: tuple[str, ...], operators: tuple[str, ...]) -> tuple[str, ...]:
    for level in levels:
        if level not in suite.LEVELS:
            raise NetworkError(f"unknown level {level!r}; there are {', '.join(suite.LEVELS)}")
    if operators:  # naming one asks for its level
        return (*levels, "operator")
    return levels or suite.LEVELS


def _data_entry(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "images": len(data.train_labels),
        "zeros": round(data.zeros, 4),
        "sha256": data.sha256,
    }


def run_command(
    backends: tuple[str, ...],
    levels: tuple[str, ...],
    operators: tuple[str, ...],
    kernels: tuple[str, ...],
    networks: tuple[str, ...],
    batches: tuple[int, ...],
    preset: str | None,
    data: str,
    precision: str,
    threads: int | None,
    seed: int | None,
    plugins: tuple[str, ...],
    quick: bool,
    out: str | None,
) -> int:
    """Verify, time, report. Returns the exit code: 1 if a backend was refused or broke."""
    recipe = find_preset(preset or "standard")
    _load_plugins(plugins)
    selected = _selected(backends)
    find_precision(precision)
    for operator in operators:
        registry.operator(operator)
    level_names = _levels(levels, operators)
    data = resolve(data)
    dataset = load_data(data)
    sizes = [parse_sizes(text) for text in networks] or [recipe.network]
    images = [recipe.batch or len(dataset.train_labels)] if not batches else list(batches)
    for network in sizes:
        for batch in images:
            check_recipe(network, dataset, batch)
    plan = runner.Plan(
        backends=selected,
        cases=suite.cases(sizes, images, level_names, operators or tuple(registry.operators())),
        precision=precision,
        threads=threads or machine.cores(),
        data=data,
        lr=recipe.lr,
        seed=recipe.seed if seed is None else seed,
        effort=runner.QUICK if quick else runner.FULL,
        plugins=[str(Path(plugin).resolve()) for plugin in plugins],
        kernels=_chosen_kernels(kernels, selected),
    )
    folder = results.RunFolder.create(_folder(out))
    environment = machine.environment(plan.threads)
    environment["data"] = _data_entry(dataset)
    return _go(plan, folder, environment)


def _go(plan: runner.Plan, folder: results.RunFolder, environment: dict[str, Any]) -> int:
    output = console.stdout()
    for line in console.head(environment):
        output.print(line, markup=False)
    interrupted = False
    with console.RunProgress() as progress:
        run = runner.Run(plan, folder, environment, progress)
        try:
            run.go()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            run.close()
    table = run.finish()
    console.print_tables(table, output)
    output.print(f"\nreport    {folder.path / 'report.html'}", markup=False, soft_wrap=True)
    if interrupted:
        raise KeyboardInterrupt
    return 1 if run.failed else 0


def _recipe(
    preset: str | None,
    network: str | None,
    batch: int | None,
    epochs: int | None,
    lr: float | None,
    seed: int | None,
) -> Preset:
    """The preset with what was given on the command line in its place."""
    given = {
        "network": parse_sizes(network) if network else None,
        "batch": batch,
        "epochs": epochs,
        "lr": lr,
        "seed": seed,
    }
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    return replace(find_preset(preset or "standard"), **overrides)


def train_command(
    backend: str,
    network: str | None,
    batch: int | None,
    epochs: int | None,
    lr: float | None,
    preset: str | None,
    data: str,
    precision: str,
    threads: int | None,
    seed: int | None,
    plugins: tuple[str, ...],
    out: str | None,
) -> None:
    """Train, print a line an epoch, save weights.safetensors and history.csv."""
    from threadpoolctl import threadpool_limits

    _load_plugins(plugins)
    recipe = _recipe(preset, network, batch, epochs, lr, seed)
    chosen = _available(backend)
    kind = find_precision(precision)
    dataset = load_data(data)
    images = len(dataset.train_labels) if recipe.batch is None else recipe.batch
    check_recipe(recipe.network, dataset, images)
    if not 0 < recipe.lr < math.inf:
        raise NetworkError(f"learning rate {recipe.lr:g}: give a positive number, such as 0.1")
    folder = _writable(_folder(out))
    initial = initial_parameters(recipe.network, recipe.seed, recipe.scale)
    model = Network(recipe.network, chosen, precision=kind, initial=initial)
    click.echo(
        f"{'-'.join(map(str, recipe.network))} on {dataset.name}, backend {backend}, "
        f"batch {images}, learning rate {recipe.lr:g}, {precision}"
    )
    with (
        threadpool_limits(threads),
        console.TrainProgress(recipe.epochs) as progress,
        np.errstate(all="ignore"),  # training that diverges says so itself
    ):
        history = train_network(
            model,
            dataset,
            epochs=recipe.epochs,
            batch=images,
            lr=recipe.lr,
            seed=recipe.seed,
            on_epoch=lambda epoch: progress.epoch(_epoch_line(epoch, dataset)),
        )
    described = {"preset": recipe.name, "data": dataset.name, "backend": backend}
    weights.save(folder / "weights.safetensors", model, described)
    with results.replacing(folder / "history.csv") as path, path.open("w", newline="") as file:
        rows = history.rows()
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    click.echo(f"weights   {folder / 'weights.safetensors'}")


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror}; choose another --out"
        raise OutputError(message) from error
    return folder


def _epoch_line(epoch: Epoch, data: Dataset) -> str:
    return (
        f"epoch {epoch.epoch:3}   loss {epoch.loss:.4f}   test loss {epoch.test_loss:.4f}   "
        f"test accuracy {epoch.test_accuracy:.2%}   "
        f"{len(data.train_labels) / epoch.seconds:,.0f} images/s"
    )


def evaluate_command(weights_file: str, backend: str, data: str, plugins: tuple[str, ...]) -> None:
    """Print loss and accuracy of saved weights on the test images."""
    _load_plugins(plugins)
    saved = weights.load(Path(weights_file))
    dataset = load_data(data)
    check_recipe(saved.sizes, dataset, 1)
    dtype = str(saved.parameters[0][0].dtype)
    model = Network(
        saved.sizes, _available(backend), precision=find_precision(dtype), initial=saved.parameters
    )
    test = DeviceData.load(model, dataset.test_images, dataset.test_labels)
    loss, accuracy = evaluate_network(model, test)
    click.echo(
        f"{'-'.join(map(str, saved.sizes))} on {len(dataset.test_labels):,} test images of "
        f"{dataset.name}: loss {loss:.4f}, accuracy {accuracy:.2%}"
    )


def report_command(results_folders: tuple[str, ...], out: str | None) -> None:
    """Write the page for one or more result sets."""
    from bench import report

    table = results.load(*results_folders)
    folders = [p if p.is_dir() else p.parent for p in map(Path, results_folders)]
    certificates = [c for f in folders for c in results.load_json(f, "certificates.json")]
    environment = results.load_json(folders[0], "environment.json")
    page = Path(out) if out else folders[0] / "report.html"
    try:
        report.write(page, table, certificates, environment)
    except OSError as error:
        raise OutputError(f"cannot write {page}: {error.strerror}; choose another --out") from error
    click.echo(page)


def list_command(what: str | None, plugins: tuple[str, ...]) -> None:
    """Print what there is, one line each."""
    _load_plugins(plugins)
    lists = {
        "backends": _backend_lines,
        "kernels": _kernel_lines,
        "operators": _operator_lines,
        "presets": _preset_lines,
    }
    for name, lines in lists.items():
        if what is None:
            click.secho(name, bold=True)
        if what in (None, name):
            for line in lines():
                click.echo(line)


def _backend_lines() -> list[str]:
    lines = []
    for name, backend in registry.backends().items():
        reason = backend.unavailable()
        role = " (peer)" if backend.role == "peer" else ""
        state = f"unavailable, {reason}" if reason else backend.driven or "available"
        lines.append(f"{name}{role}: {state}")
    return lines


def _kernel_lines() -> list[str]:
    lines = []
    for name, backend in registry.backends().items():
        if backend.unavailable():
            continue
        for part in backend.parts:
            what = part.level if not hasattr(part, "operator") else part.operator.name
            lines.append(f"{name}: {what}={part.name}")
    return lines


def _operator_lines() -> list[str]:
    return [
        f"{name}({', '.join(op.input_names)}) -> {', '.join(op.outputs)}"
        for name, op in registry.operators().items()
    ]


def _preset_lines() -> list[str]:
    return [
        f"{p.name}: {'-'.join(map(str, p.network))}, batch {p.batch or 'all images'}, "
        f"learning rate {p.lr:g}, {p.epochs} epochs; {p.about}"
        for p in PRESETS.values()
    ]


def data_command(source: str) -> None:
    """Load a data set, which checks it, and describe it."""
    dataset = load_data(source)
    click.echo(
        f"{dataset.name}: {len(dataset.train_labels):,} training and "
        f"{len(dataset.test_labels):,} test images of {dataset.features} pixels, "
        f"{dataset.classes} classes, {dataset.zeros:.0%} zeros"
    )
    click.echo(f"sha256 {dataset.sha256}")
