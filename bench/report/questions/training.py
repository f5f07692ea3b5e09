"""Whether they train alike: the losses, and how far training departs from the truth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.report.charts import PAGE_INK
from bench.report.explore import CHOICES, STEPS, Chart
from bench.report.questions import channels
from bench.report.questions.run import Run
from bench.report.steps import SETTING, TrainingStep
from mnist_core.numerics.trajectory import ENVELOPE_FACTOR

FREE = tuple(name for name in CHOICES if name not in SETTING)
"""Choices that trainings of certificates do not know."""


def losses(run: Run) -> Chart | None:
    """Whether all losses fall alike."""
    import altair as alt

    rows = run.steps_having("loss", "true_loss")
    if not rows:
        return None
    base = over_steps()
    title = "mean loss of the step's images"
    truth = (
        base.transform_aggregate(true_loss="max(true_loss)", groupby=["step"])
        .mark_line(color=PAGE_INK, strokeWidth=7, opacity=0.2)
        .encode(y=alt.Y("true_loss:Q", title=title).scale(zero=False, padding=8))
    )
    lines = lined(base, run, rows).encode(
        y=alt.Y("loss:Q", title=title).scale(zero=False, padding=8)
    )
    points = pointed(base, ("loss", ".6f"), ("true_loss", ".6f")).encode(y="loss:Q")
    return Chart(
        "losses",
        "Losses while training",
        "The broad line is the same training in double precision. Where all train alike, their "
        "lines lie on it, one upon the other; how far they are from it is the next chart. What was "
        "refused ends where it left the others." + channels.peers(rows, "Peers are dashed."),
        channels.finished(alt.layer(truth, lines, points), 280),
        ("line", "step", "loss", "true_loss"),
        data=STEPS,
        free=FREE,
        nothing="The certificates of this setting hold no losses.",
        needs=("loss", "true_loss"),
    )


def error_growth(run: Run) -> Chart | None:
    """How far training departs from the same training in double precision, step by step."""
    import altair as alt

    rows = run.steps_having("distance", "envelope")
    if not rows:
        return None
    base = over_steps()
    title = "relative distance from the truth"
    distance = (
        alt.Y("distance:Q", title=title)
        .scale(type="log", nice=False)
        .axis(format="~e", tickCount=2)
    )
    lines = lined(base, run, rows).encode(y=distance)
    points = pointed(base, ("distance", ".2e"), ("allowed", ".2e")).encode(y=distance)
    shared = base.transform_aggregate(
        envelope="max(envelope)", allowed="max(allowed)", groupby=["step"]
    )
    band = shared.mark_area(color=PAGE_INK, opacity=0.12).encode(
        y=alt.Y("envelope:Q", title=title), y2="allowed:Q"
    )
    edge = shared.mark_line(color=PAGE_INK, strokeWidth=1, strokeDash=[2, 2]).encode(
        y=alt.Y("allowed:Q", title=title)
    )
    return Chart(
        "error-growth",
        "Distance from the truth while training",
        "The truth is the same training in double precision. The band begins at how far NumPy "
        f"gets with its sums in another order, and ends at {ENVELOPE_FACTOR} times that, which is "
        "allowed." + channels.peers(rows, "Peers are dashed."),
        channels.finished(alt.layer(band, edge, lines, points), 280),
        ("line", "step", "distance", "envelope", "allowed"),
        data=STEPS,
        free=FREE,
        nothing="The certificates of this setting hold no training.",
        needs=("distance", "envelope"),
    )


def over_steps() -> Any:
    """A chart over the steps of training."""
    import altair as alt

    return alt.Chart(alt.NamedData(STEPS)).encode(
        x=alt.X("step:Q", title="steps of training").axis(tickMinStep=1)
    )


def lined(base: Any, run: Run, rows: Iterable[TrainingStep]) -> Any:
    """A line for each training."""
    return base.mark_line(strokeWidth=2).encode(
        color=channels.backend_colour(run.colours, rows),
        detail=["line:N", "role:N"],
        strokeDash=channels.dash(),
    )


def pointed(base: Any, *figures: tuple[str, str]) -> Any:
    """What a pointer finds at each step: a line's own tooltip would be that of its first."""
    import altair as alt

    return base.mark_point(size=90, opacity=0, filled=True).encode(
        tooltip=[
            alt.Tooltip("line:N", title="backend"),
            alt.Tooltip("step:Q"),
            *(alt.Tooltip(f"{n}:Q", title=n.replace("_", " "), format=form) for n, form in figures),
        ]
    )
