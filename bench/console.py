"""What a run shows on the terminal: progress on stderr, the table on stdout."""

from collections.abc import Collection, Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from bench.report import grid
from bench.report.grid import Grid

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table


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


def _rich(grid: Grid) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in grid.head:
        table.add_column(column, overflow="fold")
    for line in grid.lines:
        style = "red" if line.status in ("refused", "failed") else ""
        table.add_row(*(Text(cell, style=style) for cell in line.cells))
    return table


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
    for network, batch, grids in grid.cases(table):
        console.print(f"\nnetwork   {network}   batch {batch}", markup=False)
        for level in grids:
            console.print()
            console.print(_rich(level))
    print_unavailable(grid.absent(table), console)


def print_unavailable(reasons: Iterable[tuple[Any, str]], console: "Console") -> None:
    """A line for each reason, with the backends that it keeps from running."""
    lines = grid.unavailable(reasons)
    if lines:
        console.print()
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
