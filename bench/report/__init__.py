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
    from bench.report.runs import Surroundings
    from bench.report.steps import Step as Trained


MOST_ROWS = 20_000
"""Rows on a page, for a browser to open it within seconds; the CSV has all of them."""


def render(
    rows: pd.DataFrame,
    certificates: Sequence[Mapping[str, Any]],
    environments: Mapping[str, Mapping[str, Any]],
    samples: pd.DataFrame | None = None,
    history: Sequence[Step] = (),
) -> str:
    """Write the report.

    Its first figures are those of the newest run; all runs can be explored.

    Parameters
    ----------
    rows
        One row a case, with the columns of ``results.csv``.
    certificates
        What verification found for each backend; of several runs, with the ``run_id``.
    environments
        The machine and its software by the run's id, nested as they were recorded.
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
        runs,
        scripts,
        steps,
        tables,
        verification,
    )
    from bench.report import history as over_commits

    count = len(rows)
    rows = runs.newest(rows, MOST_ROWS)
    shown = cases.tidy(rows)
    found = runs.surroundings(shown, environments)
    newest = next(iter(found), "")
    first = shown if len(found) < 2 else cases.tidy(rows[rows.run_id.map(digits.plain) == newest])
    here = found[newest].environment if found else {}
    colours = cases.colours(shown)
    trained = steps.steps(certificates, shown)
    peaks = {run_id: of.environment.get("peaks") for run_id, of in found.items()}
    asked = [
        *questions.charts(shown, colours, peaks, trained),
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
        headline=headline.headline(first),
        notes=headline.notes(first),
        counts=(len(rows), count),
        machine=headline.machine_line(here),
        data=headline.data_line(first, here),
        throughput=figures.throughput(first, colours),
        speedups=figures.speedups(first, colours),
        tables=tables.tables(shown, colours),
        choices=explore.followed(explore.choices(shown), asked),
        explored=asked,
        islands=islands(shown, trained, asked, colours, found, samples) if running else {},
        scripts=running,
        policy=scripts.policy(running),
        verification=verification.verification(certificates),
        history=history,
        warnings=here.get("warnings") or [],
        surroundings=list(found.values()),
    )


def islands(
    shown: Sequence[Case],
    trained: Sequence[Trained],
    asked: Sequence[Chart],
    colours: Mapping[str, str],
    surroundings: Mapping[str, Surroundings],
    measured: pd.DataFrame | None,
) -> dict[str, str]:
    """What the page's scripts read, as JSON by the id of its element."""
    from bench.columns import COLUMNS
    from bench.report import explore, fields, records, samples, scripts, steps

    environments = {run_id: of.environment for run_id, of in surroundings.items()}
    found = {
        explore.ROWS: records.table(records.records(shown, environments)),
        explore.STEPS: records.table(steps.columns(trained)),
        "environments": {run_id: of.id for run_id, of in surroundings.items()},
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
    environments: Mapping[str, Mapping[str, Any]],
    samples: pd.DataFrame | None = None,
    history: Sequence[Step] = (),
) -> None:
    """Write the report to a file; whoever opens it finds the old page or the new one, whole.

    Parameters
    ----------
    path
        File to write; one that is there is replaced.
    rows, certificates, environments, samples, history
        As for `render`.
    """
    import os

    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        page = render(rows, certificates, environments, samples, history)
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
