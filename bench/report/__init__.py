"""The HTML report: one file that opens from disk, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import os

    import jinja2
    import pandas as pd

    from bench.report.cases import Case
    from bench.report.explore import Chart
    from bench.report.history import Step
    from bench.report.runs import Run
    from bench.report.steps import TrainingStep
    from bench.report.surroundings import Surroundings


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
    from bench.report import cases, digits, explore, questions, runs, scripts, steps, tables
    from bench.report import history as over_commits
    from bench.report.surroundings import newest_first, surroundings
    from bench.report.verification import verification

    found = runs.runs(rows)
    shown = cases.tidy(cases.fitting(rows, found, MOST_ROWS), found)
    present = {digits.plain(case["run_id"]) for case in shown}
    found = [run for run in found if run.run_id in present]
    called = runs.titles(found)
    certificates = newest_first(certificates, called)
    places = surroundings(called, environments, shown)
    colours = cases.colours(shown)
    trained = steps.steps(certificates, shown)
    peaks = {run_id: of.environment.get("peaks") for run_id, of in places.items()}
    asked = [
        *questions.charts(shown, colours, peaks, trained),
        *over_commits.charts(shown, found, colours),
    ]
    running = scripts.scripts() if cases.timed(shown) else ()
    return _template().render(
        **first_screen(rows, found, places, colours),
        counts=(len(shown), len(rows)),
        tables=tables.tables(shown, colours),
        choices=explore.followed(explore.choices(shown, called), asked),
        explored=asked,
        islands=islands(shown, trained, asked, colours, places, samples) if running else {},
        scripts=running,
        policy=scripts.policy(running),
        verification=verification(certificates, called),
        history=history,
        surroundings=list(places.values()),
    )


def _template() -> jinja2.Template:
    import jinja2

    from bench.report import digits, fields

    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.filters["plain"] = digits.plain
    pages.filters["title"] = fields.title
    return pages.get_template("page.html.j2")


def first_screen(
    rows: pd.DataFrame,
    found: Sequence[Run],
    places: Mapping[str, Surroundings],
    colours: dict[str, str],
) -> dict[str, Any]:
    """What the newest run comes to: the sentence, where it was measured, the first figures."""
    from bench.report import cases, digits, figures, headline

    if len(found) > 1:
        rows = rows[rows.run_id.map(digits.plain) == found[-1].run_id]
    newest = cases.tidy(rows, found)
    here = next((of.environment for of in places.values()), {})
    return {
        "headline": headline.headline(newest, max(len(found), 1)),
        "notes": headline.notes(newest),
        "machine": headline.machine_line(here),
        "data": headline.data_line(newest, here),
        "warnings": [*headline.caveats(newest), *(here.get("warnings") or [])],
        "throughput": figures.throughput(newest, colours),
        "speedups": figures.speedups(newest, colours),
    }


def islands(
    shown: Sequence[Case],
    trained: Sequence[TrainingStep],
    asked: Sequence[Chart],
    colours: Mapping[str, str],
    places: Mapping[str, Surroundings],
    measured: pd.DataFrame | None,
) -> dict[str, str]:
    """What the page's scripts read, as JSON by the id of its element."""
    from bench.columns import COLUMNS
    from bench.report import explore, fields, records, samples, scripts, steps

    environments = {run_id: of.environment for run_id, of in places.items()}
    found = {
        explore.ROWS: records.table(records.records(shown, environments)),
        explore.STEPS: records.table(steps.columns(trained)),
        "environments": {run_id: of.id for run_id, of in places.items()},
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
