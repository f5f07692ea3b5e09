"""The tables of runs as Markdown, for a pull request or a page of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.report import grid, headline
from bench.report.digits import plain

if TYPE_CHECKING:
    import pandas as pd

    from bench.report.history import Step

# A name may come from anyone's plug-in. Brackets as of intervals, and an underscore within a word,
# mean nothing to Markdown.
_SIGNS = re.compile(r"[\\`*<|~&$]|\](?=[(\[])|(?<!\w)_|_(?!\w)|^[#>+=-]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile(r"[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def text(value: str) -> str:
    """A text on one line that says what it says, whatever signs are in it.

    Signs of Markdown and HTML get a backslash; those that would turn the direction of what follows
    are shown as the sign for what cannot be shown.
    """
    return _SIGNS.sub(r"\\\g<0>", _TURNING.sub("\ufffd", _CONTROLS.sub(" ", value))).strip()


def section(rows: pd.DataFrame, environment: Mapping[str, Any]) -> str:
    """One run: where it was measured, then a table for each network, batch and level."""
    lines = [f"## {text(title(rows))}", ""]
    lines += [f"- {text(line)}" for line in facts(rows, environment)]
    for network, batch, grids in grid.cases(rows):
        lines += ["", f"### network {text(network)}, batch {text(batch)}"]
        for level in grids:
            lines += ["", *table(level.head, [line.cells for line in level.lines])]
    reasons = grid.unavailable(grid.absent(rows))
    lines += ["", *(f"- {text(line)}" for line in reasons)] if reasons else []
    return "\n".join(lines if len(rows) else [*lines, "", "Nothing was measured."])


def changes(steps: Sequence[Step]) -> str:
    """What became of the cases that are not the same, from run to run on the same machine."""
    lines = []
    for step in steps:
        lines += [f"## {text(step.before)} → {text(step.after)}, {text(step.machine)}", ""]
        lines += [f"No verdict: {text(step.why_not)}" if step.why_not else f"**{step.summary}**"]
        lines += ["", *table(step.head, step.cells)] if step.changes else []
        lines += ["", *(f"- {text(note)}" for note in step.notes)] if step.notes else []
        lines += [""]
    return "\n".join(lines).rstrip()


def title(rows: pd.DataFrame) -> str:
    """What tells a run from others: the machine, the commit and when it began."""
    commit, when = _all(rows, "commit"), _all(rows, "timestamp")
    parts = (*_all(rows, "machine"), *(name[:7] for name in commit), *when[:1])
    return " · ".join(parts) or "A run"


def facts(rows: pd.DataFrame, environment: Mapping[str, Any]) -> list[str]:
    """Machine, data and warnings, a line each, as far as they are known."""
    threads = [f"threads {number}" for number in _all(rows, "threads")]
    machine = headline.machine_line(environment) or " · ".join([*_all(rows, "machine"), *threads])
    known: Any = rows[["data", "network", "batch", "precision"]].drop_duplicates()
    data = headline.data_line(known.to_dict("records"), environment)
    warnings = environment.get("warnings")
    said = [f"warning: {one}" for one in warnings] if isinstance(warnings, list) else []
    return [line for line in (machine, data, *said) if line]


def _all(rows: pd.DataFrame, column: str) -> list[str]:
    """The different values of a column, in their order."""
    return [name for name in map(plain, rows[column].unique()) if name]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    lines = [_line(map(text, head)), _line(["---"] * len(head))]
    return [*lines, *(_line(map(text, row)) for row in rows)]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
