"""``mnist-bench report``, ``mnist-bench list`` and ``mnist-bench data``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bench import console, exports, reached, report, results
from bench.exports import ResultSet
from bench.files import replacing
from bench.report import history, readme
from mnist_core import registry
from mnist_core.backends import Kernel, TakeOver
from mnist_core.data import load as load_data
from mnist_core.errors import BackendError, DataError, OutputError
from mnist_core.operators import Operator
from mnist_core.presets import PRESETS

_ODD = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)
"""What comes of values that no run writes, in files that are sound otherwise."""

_BY_ENDING = ("html", "md", "csv", "svg", "png")
"""Formats that the name of a file can ask for."""


def report_command(results_folders: tuple[str, ...], format: str | None, out: str | None) -> None:
    """Write the page for one or more result sets, or export them."""
    if format is None:
        ending = Path(out or "").suffix.lstrip(".").lower()
        format = ending if ending in _BY_ENDING else "html"
    if format == "png" and out is None and sys.stdout.isatty():
        raise OutputError("report: a picture is nothing for a terminal; give --out FILE")
    sets = _result_sets([Path(name) for name in results_folders])
    try:
        if format == "html":
            first = Path(results_folders[0])
            folder = first if first.is_dir() else first.parent
            _page(sets, Path(out) if out else folder / "report.html")
        elif format == "readme":
            _readme(sets, out)
        else:
            _export(exports.FORMATS[format](sets), out)
    except _ODD as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        named = ", ".join(results_folders)
        raise DataError(f"{named}: not a result set that can be shown: {said}") from error


def _result_sets(paths: Sequence[Path]) -> list[ResultSet]:
    """Every run that is named, once; of a folder of runs, those that can be read."""
    sets: dict[str, ResultSet] = {}
    for path in paths:
        for run in results.runs(path):
            try:
                one = ResultSet(run, results.load(run))
            except DataError as error:
                if run == path:
                    raise
                click.echo(f"mnist-bench: left out: {error}", err=True)
                continue
            first = sets.setdefault(one.run_id or str(run.resolve()), one).path
            if first.resolve() != run.resolve():
                click.echo(f"mnist-bench: left out: {run}: the same run as {first}", err=True)
    if not sets:
        named = ", ".join(map(str, paths))
        raise DataError(f"{named}: no results.csv there; give a folder that `run --out` wrote")
    return [*sets.values()]


def _page(sets: Sequence[ResultSet], page: Path) -> None:
    certificates = [c | {"run_id": one.run_id} for one in sets for c in one.certificates]
    environments = _environments(sets)
    try:
        samples = results.load_samples(*(one.folder for one in sets))
        changes = history.steps(sets)
        report.write(page, exports.rows(sets), certificates, environments, samples, changes)
    except OSError as error:
        raise OutputError(f"cannot write {page}: {error.strerror}; choose another --out") from error
    click.echo(page)


def _environments(sets: Sequence[ResultSet]) -> dict[str, dict[str, Any]]:
    """What each run was measured on; of several, one may lack it."""
    found: dict[str, dict[str, Any]] = {}
    for one in sets:
        try:
            found[one.run_id] = one.environment
        except DataError as error:
            if len(sets) == 1:
                raise
            click.echo(f"mnist-bench: shown without its environment: {error}", err=True)
    return found


def _readme(sets: Sequence[ResultSet], out: str | None) -> None:
    """Rewrite a README's table, and the pictures that it has, of one run."""
    if out is None or len(sets) != 1:
        raise click.UsageError("--format readme takes one run, and the README as --out")
    for path in readme.rewrite(sets[0], Path(out)):
        click.echo(path)


def _export(content: str | bytes, out: str | None) -> None:
    # What no encoding knows, half a pair of UTF-16 say, is shown as a question mark.
    encoded = content if isinstance(content, bytes) else f"{content}\n".encode(errors="replace")
    if out is None:
        click.echo(encoded, nl=False)
        return
    with replacing(Path(out)) as path:
        path.write_bytes(encoded)
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
