"""What a run shows on the terminal: progress on stderr, the table on stdout."""

import math
from collections.abc import Collection, Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from bench.report import digits
from mnist_core import registry

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table

BLOCKS = ("operator", "part")
"""Levels of which a table has a block of rows for each operator or part."""

_CUBLAS = "cupy"
"""The backend whose products are cuBLAS's: what a handwritten product is held against."""


def stderr() -> "Console":
    """Console for progress and messages."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def stdout() -> "Console":
    """Console for results; wide enough for a table where the output is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=140)
    return console


class RunProgress:
    """Progress of a run: a bar on a terminal, elsewhere a line for each thing begun."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        console = stderr()
        self._started = monotonic()
        self._progress: Progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("starting", total=None)

    def __enter__(self) -> "RunProgress":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def begin(self, total: int) -> None:
        """Announce how many units of work there are."""
        self._progress.update(self._task, total=total)

    def at(self, what: str) -> None:
        """Say what is being done now."""
        self._progress.update(self._task, description=what)
        if self._progress.disable:
            self._progress.console.print(
                f"{monotonic() - self._started:4.0f} s  {what}", markup=False, soft_wrap=True
            )

    def advance(self, units: int = 1) -> None:
        """Count units of work as done."""
        self._progress.advance(self._task, units)


class TrainProgress:
    """Progress bar of training, with the figures last seen, below a line an epoch on stdout."""

    def __init__(self, epochs: int, done: int = 0) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.table import Column

        console = stderr()
        self._progress: Progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("", total=epochs, completed=done)

    def __enter__(self) -> "TrainProgress":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def advance(self) -> None:
        """Count an epoch as done."""
        self._progress.advance(self._task)

    def epoch(self, line: str, figures: str = "") -> None:
        """Print the line of a finished epoch; ``figures`` of it stay beside the bar."""
        output = stdout()
        # On one terminal the bar must know of the line, or they would write over each other.
        shared = output.is_terminal and self._progress.console.is_terminal
        console = self._progress.console if shared else output
        console.print(line, markup=False, soft_wrap=True)
        self._progress.update(self._task, description=figures)
        self.advance()


def head(environment: dict[str, Any]) -> list[str]:
    """Lines that say what the run measures on and with."""
    machine, data = environment["machine"], environment["data"]
    load = "unknown" if machine["load"] is None else machine["load"]
    lines = [
        f"machine   {machine['cpu']}, {machine['cores']} cores · {environment['threads']} threads"
        f" · load {load}",
        f"data      {data['name']}, {data['images']:,} images, {data['zeros']:.0%} zeros",
    ]
    return lines + [f"warning   {warning}" for warning in environment["warnings"]]


def _certificate(row: Any) -> str:
    parts = [str(row.certificate)]
    if not math.isnan(row.error_ratio):
        parts.append(f"{row.error_ratio:.1f}x NumPy's error" if row.error_ratio else "no error")
    if row.reason:
        parts.append(row.reason)
    return " · ".join(parts)


def _speedup(row: Any) -> str:
    if row.backend == row.baseline:
        return "1"
    return digits.measured(row.speedup, row.speedup_ci_low, row.speedup_ci_high, "x")


def _percent(value: float) -> str:
    return digits.number(value, 1 if value < 10 else 0)


def _cells(row: Any, cublas_s: float | None) -> dict[str, str]:
    """The cells of a row by column; ``cublas_s`` is the time of cuBLAS, if that was timed."""
    name = f"{row.backend} (peer)" if row.role == "peer" else row.backend
    if row.status != "ok":
        return {"backend": name, "time [95 %]": row.status, "certificate": row.reason}
    cells = {
        "backend": name,
        "time [95 %]": digits.seconds(row.median_s, row.ci_low_s, row.ci_high_s),
    }
    if row.level == "operator":
        cells["GFLOP/s"] = digits.number(row.gflops, digits.places(row.gflops))
    else:
        cells["images/s"] = digits.number(row.images_per_s, digits.places(row.images_per_s))
    cells["vs numpy [95 %]"] = _speedup(row)
    cells["% of peak"] = _percent(row.pct_peak)
    if cublas_s is not None:
        cells["% of cuBLAS"] = _percent(100 * cublas_s / row.median_s)
    return cells | {"certificate": _certificate(row)}


def _cublas_s(rows: "pd.DataFrame") -> float | None:
    """Seconds that cuBLAS takes for these rows' operator, if it is a product and was timed."""
    products = [name for name, operator in registry.operators().items() if operator.factors]
    times = rows[(rows.backend == _CUBLAS) & rows.operator.isin(products)].median_s.dropna()
    return float(times.iloc[0]) if len(times) else None


def _grid(title: str, rows: "pd.DataFrame") -> "Table":
    """Table of one level; that of operators or parts has a block of rows for each of them."""
    from rich.table import Table
    from rich.text import Text

    grid, blocks = Table(box=None, pad_edge=False, header_style="bold"), title in BLOCKS
    lines = []
    for (operator, cache), block in rows.groupby(["operator", "cache"], sort=False):
        name = f"{operator}, cold" if cache == "cold" else str(operator)
        cublas_s = _cublas_s(block)
        for row in block.sort_values("median_s").itertuples():
            style = "red" if row.status in ("refused", "failed") else ""
            lines.append(({title: name} if blocks else {}, _cells(row, cublas_s), style))
            name = ""
    head = max((list(cells) for _, cells, _ in lines), key=len)
    for column in [title, *head] if blocks else [title, *head[1:]]:
        grid.add_column(column, overflow="fold")
    for first, cells, style in lines:
        texts = [*first.values(), *(cells.get(column, "") for column in head)]
        grid.add_row(*(Text(text, style=style) for text in texts))
    return grid


def plain_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], red: Collection[str] = ()
) -> "Table":
    """Table of texts; a row whose last cell begins with a word of ``red`` is printed in red."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(head):
        # The first column names the row: half a name is none.
        grid.add_column(column, overflow="fold", no_wrap=i == 0)
    for row in rows:
        style = "red" if row[-1].split(":")[0] in red else ""
        grid.add_row(*(Text(cell, style=style) for cell in row))
    return grid


def print_tables(table: "pd.DataFrame", console: "Console") -> None:
    """One table for each network, batch and level; backends that cannot run here, once."""
    again = (table.status != "ok") & table.duplicated(["backend", "reason"])
    table = table.assign(reason=table.reason.mask(again, ""))  # a reason is read once
    unavailable = table[table.status == "unavailable"]
    timed = table[table.status != "unavailable"]
    for (network, batch), case in timed.groupby(["network", "batch"], sort=False):
        console.print(f"\nnetwork   {network}   batch {batch}")
        for level, rows in case.groupby("level", sort=False):
            console.print()
            console.print(_grid(str(level), rows))
    print_unavailable(unavailable.groupby("backend", sort=False).reason.first().items(), console)


def print_unavailable(reasons: Iterable[tuple[Any, str]], console: "Console") -> None:
    """A line for each reason, with the backends that it keeps from running."""
    of: dict[str, list[str]] = {}
    for backend, reason in reasons:
        of.setdefault(reason, []).append(str(backend))
    if of:
        console.print()
    for reason, backends in of.items():
        line = f"{', '.join(backends)}: unavailable, {reason}"
        console.print(line, markup=False, soft_wrap=True)
