"""How training went: loss and accuracy of one, and the accuracy of several over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, cycle, islice
from typing import Any

from bench.report.cases import COLOURS
from bench.report.charts import drawable, ticks
from mnist_core.training import Epoch

_WIDTH, _HEIGHT, _GAP = 330, 270, 34
# One more than there are colours: lines of one colour have different shapes.
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
_DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])  # what lies under a line shows in its gaps
_POINTS = 12  # about as many on a line, to tell it by their shape
_TARGETS = (90, 95, 97, 98)
_BELOW = 10  # points of accuracy shown under the worst run's last one
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
_RULE, _GRID = "#afb8c1", "#e4e7eb"
_WIDE = 20  # a factor from which on a logarithmic axis shows more

Row = dict[str, Any]


def curves(epochs: Sequence[Epoch]) -> Any:
    """Draw the losses and the test accuracy of one training, side by side.

    Parameters
    ----------
    epochs
        At least one, in order; a line leads straight over those left out between them.
    """
    import altair as alt

    losses = _pointed([{"run": "train", "epoch": e.epoch, "loss": e.loss} for e in epochs])
    losses += _pointed([{"run": "test", "epoch": e.epoch, "loss": e.test_loss} for e in epochs])
    tested = _pointed(_progress("test", epochs))
    y = _accuracy([row["accuracy"] for row in tested])
    x = _along("epoch", "epoch", tested)
    last = epochs[-1]
    reached = f"test accuracy: {100 * last.test_accuracy:.2f} % after epoch {last.epoch:,}"
    names = ["test", "train"]
    return alt.hconcat(
        _lines(losses, names, x, _loss(losses)).properties(title="loss"),
        _lines(tested, names, x, y).properties(title=reached),
        spacing=_GAP,
    )


def convergence(runs: Mapping[str, Sequence[Epoch]]) -> Any:
    """Draw the test accuracy of several trainings, over epochs and over seconds of training.

    The axis of accuracy leaves out what is far below the worst run's last one.

    Parameters
    ----------
    runs
        By name, the epochs of each in order, at least one. Seconds are added up: where epochs are
        left out, an entry should hold the seconds of all since the one before.
    """
    import altair as alt

    rows = [row for name, epochs in runs.items() for row in _pointed(_progress(name, epochs))]
    found = [row["accuracy"] for row in rows]
    worst = min(100 * epochs[-1].test_accuracy for epochs in runs.values())
    lowest = max(min(found), worst - _BELOW)
    for row in rows:
        row["point"] = row["point"] and bool(row["accuracy"] >= lowest)
    y = _accuracy([lowest, max(found)])
    over = {"epoch": "epoch", "seconds": "seconds of training"}
    panels = [
        _lines(rows, list(runs), _along(field, title, rows), y).properties(title="test accuracy")
        for field, title in over.items()
    ]
    return alt.hconcat(*panels, spacing=_GAP)


def _progress(name: str, epochs: Sequence[Epoch]) -> list[Row]:
    """A row an epoch: accuracy in percent, and seconds since training began."""
    seconds = accumulate(epoch.seconds for epoch in epochs)
    return [
        {"run": name, "epoch": e.epoch, "seconds": s, "accuracy": 100 * e.test_accuracy}
        for e, s in zip(epochs, seconds, strict=True)
    ]


def _pointed(rows: list[Row]) -> list[Row]:
    """Say of each row of a run whether it gets a point: the first, the last, some between."""
    last, every = len(rows) - 1, -(-len(rows) // _POINTS)
    return [row | {"point": i in (0, last) or i % every == 0} for i, row in enumerate(rows)]


def _lines(rows: list[Row], names: list[str], x: Any, y: Any) -> Any:
    """A line a run, with dashes and points of its own: runs are not told apart by colour alone."""
    import altair as alt

    legend = alt.Legend(orient="bottom", columns=2, columnPadding=24)
    run: dict[str, Any] = {"shorthand": "run:N", "title": None}
    colour = alt.Color(**run, legend=legend).scale(domain=names, range=_each(names, COLOURS))
    shape = alt.Shape(**run, legend=legend).scale(domain=names, range=_each(names, _SHAPES))
    dash = alt.StrokeDash(**run, legend=None).scale(domain=names, range=_each(names, _DASHES))
    base = alt.Chart().encode(x=x, y=y, color=colour)
    line = base.mark_line(strokeWidth=1.8, clip=True).encode(strokeDash=dash)
    point = base.mark_point(size=55, strokeWidth=1.8, opacity=1).encode(shape=shape)
    return (
        alt.layer(line, point.transform_filter("datum.point"), data=alt.InlineData(values=rows))
        .resolve_legend(strokeDash="independent")
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def _each(names: Sequence[str], looks: Sequence[Any]) -> list[Any]:
    return list(islice(cycle(looks), len(names)))


def _along(field: str, title: str, rows: Sequence[Row]) -> Any:
    """The axis of epochs or seconds; logarithmic if one run is much longer than another."""
    import altair as alt

    ends = {row["run"]: row[field] for row in rows}.values()
    first, last = min(row[field] for row in rows), max(ends)
    x, axis = alt.X(f"{field}:Q", title=title), alt.Axis(format=",~r", grid=False)
    if first > 0 and last > _WIDE * min(ends):
        domain = [first / 1.2, last * 1.2]
        axis.values = ticks(*domain)
        return x.scale(type="log", domain=domain, nice=False).axis(axis)
    axis.tickCount = min(5, last) if field == "epoch" else 5
    return x.scale(domain=[0, last * 1.04 or 1], nice=False).axis(axis)


def _loss(rows: Sequence[Row]) -> Any:
    """The axis of the loss; logarithmic if it spans much."""
    import altair as alt

    losses = [row["loss"] for row in rows if drawable(row["loss"])] or [1]
    y = alt.Y("loss:Q", title=None)
    if max(losses) > _WIDE * min(losses):
        domain = [min(losses) / 1.2, max(losses) * 1.2]
        axis = alt.Axis(values=ticks(*domain), format="~r")
        return y.scale(type="log", domain=domain, nice=False).axis(axis)
    return y.scale(domain=[0, max(losses) * 1.04], nice=False).axis(tickCount=5)


def _accuracy(reach: Sequence[float]) -> Any:
    """The axis of accuracy, in percent; accuracies that people aim at are dashed rules in it."""
    import altair as alt

    low, high = min(reach), max(reach)
    margin = 0.05 * max(high - low, 2)
    low, high = max(0, low - margin), high + margin
    step = next(step for step in _STEPS if (high - low) / step <= 7)
    marks = {round(i * step, 2) for i in range(int(100 / step) + 1)} | {*_TARGETS}
    target = f"indexof({list(_TARGETS)}, datum.value) >= 0"
    return (
        alt.Y("accuracy:Q", title=None)
        .scale(domain=[low, high], nice=False)
        .axis(
            values=sorted(mark for mark in marks if low <= mark < high - margin / 2),
            labelExpr="datum.value + ' %'",
            labelOverlap="greedy",
            gridDash=alt.condition(target, alt.value([4, 3]), alt.value([1, 0])),
            gridColor=alt.condition(target, alt.value(_RULE), alt.value(_GRID)),
            gridOpacity=1,
        )
    )
