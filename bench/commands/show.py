"""``mnist-bench report``, ``mnist-bench list`` and ``mnist-bench data``."""

import json
from pathlib import Path

import click

from bench import console, exports, reached, report, results
from bench.files import load_json, replacing
from mnist_core import registry
from mnist_core.backends import Kernel, TakeOver
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, OutputError
from mnist_core.operators import Operator
from mnist_core.presets import PRESETS


def report_command(results_folders: tuple[str, ...], format: str, out: str | None) -> None:
    """Write the page for one or more result sets, or export them."""
    table = results.load(*results_folders)
    if format != "html":
        text = json.dumps(exports.FORMATS[format](table), indent=1, ensure_ascii=False)
        _export(text, out)
        return
    folders = [p if p.is_dir() else p.parent for p in map(Path, results_folders)]
    certificates = [c for f in folders for c in results.load_certificates(f)]
    environment = load_json(folders[0], "environment.json")
    samples = results.load_samples(*folders)
    page = Path(out) if out else folders[0] / "report.html"
    try:
        report.write(page, table, certificates, environment, samples)
    except OSError as error:
        raise OutputError(f"cannot write {page}: {error.strerror}; choose another --out") from error
    click.echo(page)


def _export(text: str, out: str | None) -> None:
    if out is None:
        click.echo(text)
        return
    with replacing(Path(out)) as path:
        path.write_text(text + "\n", encoding="utf-8")
    click.echo(out)


def list_command(what: str | None, plugins: tuple[str, ...]) -> None:
    """Print what there is, one line each."""
    registry.load_plugins(plugins)
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
        reason = backend.unavailable()
        try:
            parts = backend.parts
        except BackendError as error:
            lines.append(f"{name}: unavailable, {reason}" if reason else str(error))
            continue
        lines += [_part_line(name, part, reason) for part in parts]
    return lines


def _part_line(name: str, part: Kernel | TakeOver, reason: str | None) -> str:
    """What ``--kernel`` takes, what it is limited to, and why it cannot run here."""
    if isinstance(part, Kernel):
        what, limits = part.operator.name, [part.device, part.precision or part.dtype]
    else:
        what, limits = part.level, [part.precision]
    about = ", ".join(limit for limit in limits if limit and limit != "any")
    state = f": unavailable, {reason}" if reason else ""
    return f"{name}: {what}={part.name}" + (f" ({about})" if about else "") + state


def _operator_lines() -> list[str]:
    return [
        f"{name}({', '.join(_arguments(op))}) -> {', '.join(op.outputs)}"
        for name, op in registry.operators().items()
    ]


def _arguments(operator: Operator) -> list[str]:
    """Inputs and, behind a star as in Python, attributes."""
    attributes = operator.attribute_names
    return [*operator.input_names, *(("*", *attributes) if attributes else ())]


def _preset_lines() -> list[str]:
    """What each recipe is and what it reached, then whose it is."""
    output = console.stdout()
    with output.capture() as captured:
        output.print(console.plain_table(reached.HEAD, reached.table()))
    rows = [line.rstrip() for line in captured.get().splitlines()]
    return [*rows, "", *(f"{preset.name}: {preset.about}" for preset in PRESETS.values())]


def data_command(source: str) -> None:
    """Load a data set, which checks it, and describe it."""
    dataset = load_data(source)
    click.echo(
        f"{dataset.name}: {len(dataset.train_labels):,} training and "
        f"{len(dataset.test_labels):,} test images of {dataset.features} pixels, "
        f"{dataset.classes} classes, {dataset.zeros:.0%} zeros"
    )
    click.echo(f"sha256 {dataset.sha256}")
