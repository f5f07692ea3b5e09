"""What the README shows of a reference run: a table between two marks, and pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import console, report
from bench.files import cannot_write, replacing
from bench.report import growth, roofline_chart
from mnist_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from bench.exports import ResultSet

START, END = "<!-- table -->\n", "<!-- /table -->"
"""The lines between which the table stands."""

PICTURES = "docs"
"""The folder of the pictures, beside the README."""

_LEVELS = ("epoch", "step", "forward", "backward")
"""What whoever trains waits for; the report has the operators too."""


def rewrite(run: ResultSet, readme: Path) -> list[Path]:
    """Write a run's table and pictures in the place of those that are there.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    DataError
        If the README cannot be read or has no marks, or the run nothing to draw.
    OutputError
        If something cannot be written.
    """
    try:
        before = readme.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{readme}: cannot be read: {error}") from error
    head, start, rest = before.partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise DataError(f"{readme}: no place for a table; put {START.strip()} and {END} there")
    content = {readme: f"{head}{start}{table(run.rows, run.environment)}{end}{tail}".encode()}
    for name, picture in pictures(run).items():
        content[readme.parent / PICTURES / name] = picture
    for path, what in content.items():
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error
        with replacing(path) as temporary:
            temporary.write_bytes(what)
    return list(content)


def table(rows: pd.DataFrame, environment: Mapping[str, Any]) -> str:
    """The terminal's lines on the machine and the first levels, as they stand there."""
    output = console.stdout()
    with output.capture() as captured:
        for line in console.head(dict(environment)):
            output.print(line, markup=False)
        shown = rows[rows.level.isin(_LEVELS) & (rows.status != "unavailable")]
        console.print_tables(shown, output)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(["```", *lines, "...", "```", ""])


def pictures(run: ResultSet) -> dict[str, bytes]:
    """The pictures of a run by the names of their files."""
    own = set(run.rows.backend[run.rows.role == "own"])
    drawn = growth.image([c for c in run.certificates if c["backend"] in own])
    if drawn is None:
        raise DataError(f"{run.path}: its certificates hold no training to draw")
    return {
        "throughput.svg": report.figure(run.rows, "svg"),
        "roofline.svg": roofline_chart.draw(run.folder).encode(),
        "error-growth.svg": drawn,
    }
