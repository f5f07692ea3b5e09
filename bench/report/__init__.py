"""The HTML report: one file that opens from disk, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import os

    import pandas as pd

    from bench.report.cases import Case
    from bench.report.explore import Chart
    from bench.report.history import Step

_FOR_MACHINES = frozenset({"plan", "noise"})
"""Entries of the environment that are long lists nobody reads."""


def render(
    rows: pd.DataFrame,
    certificates: Sequence[Mapping[str, Any]],
    environment: Mapping[str, Any],
    samples: pd.DataFrame | None = None,
    history: Sequence[Step] = (),
) -> str:
    """Write the report.

    Parameters
    ----------
    rows
        One row a case, with the columns of ``results.csv``.
    certificates
        What verification found for each backend.
    environment
        The machine and its software, nested as it was recorded.
    samples
        Every block that was timed, with the columns of ``samples.parquet``.
    history
        What changed from run to run, where the rows are of several.

    Returns
    -------
    str
        A whole HTML page.
    """
    import jinja2

    from bench.report import (
        cases,
        digits,
        explore,
        fields,
        figures,
        headline,
        questions,
        scripts,
        tables,
        verification,
    )
    from bench.report import history as over_commits

    shown = cases.tidy(rows)
    colours = cases.colours(shown)
    asked = [
        *questions.charts(shown, colours, environment, certificates),
        *over_commits.charts(shown, colours),
    ]
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.filters["plain"] = digits.plain
    pages.filters["title"] = fields.title
    running = scripts.scripts() if cases.timed(shown) else ()
    return pages.get_template("page.html.j2").render(
        headline=headline.headline(shown),
        notes=headline.notes(shown),
        machine=headline.machine_line(environment),
        data=headline.data_line(shown, environment),
        throughput=figures.throughput(shown),
        speedups=figures.speedups(shown),
        tables=tables.tables(shown, colours),
        choices=explore.followed(explore.choices(shown), asked),
        explored=asked,
        islands=islands(shown, asked, colours, environment, samples) if running else {},
        scripts=running,
        policy=scripts.policy(running),
        verification=verification.verification(certificates),
        history=history,
        environment={k: v for k, v in environment.items() if k not in _FOR_MACHINES},
    )


def islands(
    shown: Sequence[Case],
    asked: Sequence[Chart],
    colours: Mapping[str, str],
    environment: Mapping[str, Any],
    measured: pd.DataFrame | None,
) -> dict[str, str]:
    """What the page's scripts read, as JSON by the id of its element."""
    from bench.columns import COLUMNS
    from bench.report import explore, fields, records, samples, scripts

    found = {
        "rows": {"count": len(shown), "columns": records.records(shown, environment)},
        "charts": [vars(chart) for chart in asked],
        "look": scripts.LOOK,
        "fields": {name: vars(field) for name, field in fields.FIELDS.items()},
        "copied": fields.COPIED,
        "recorded": COLUMNS,
        "colours": colours,
        "samples": samples.samples(shown, measured),
        "sample-charts": samples.charts(),
    }
    return {name: explore.island(value) for name, value in found.items()}


def write(
    path: str | os.PathLike[str],
    rows: pd.DataFrame,
    certificates: Sequence[Mapping[str, Any]],
    environment: Mapping[str, Any],
    samples: pd.DataFrame | None = None,
    history: Sequence[Step] = (),
) -> None:
    """Write the report to a file; whoever opens it finds the old page or the new one, whole.

    Parameters
    ----------
    path
        File to write; one that is there is replaced.
    rows, certificates, environment, samples, history
        As for `render`.
    """
    import os

    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        page = render(rows, certificates, environment, samples, history)
        partial.write_text(page, encoding="utf-8", errors="replace")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def figure(rows: pd.DataFrame, format: Literal["svg", "png"] = "svg") -> bytes:
    """Draw images/s per backend, for a README.

    Parameters
    ----------
    rows
        As for `render`.
    format
        ``"svg"`` or ``"png"``.

    Raises
    ------
    ValueError
        If no row has a throughput.
    """
    from bench.report import cases, figures

    return figures.image(cases.tidy(rows), format)
