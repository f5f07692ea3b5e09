"""Where a step's time goes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bench.report import overheads
from bench.report.charts import PAGE_INK
from bench.report.explore import Chart
from bench.report.questions import channels
from bench.report.questions.run import Run

STAGES = ("fused", "gather_batch", "dense", "softmax_cross_entropy", "dense_backward", "sgd")
"""The parts of a step in the order of training; a layer's number follows the name."""

REST = "launches and rest"
"""What a step takes beyond its parts."""

SHADES = {
    "dense": ("#08519c", "#3182bd", "#6baed6", "#bdd7e7"),
    "dense_backward": ("#a63603", "#e6550d", "#fd8d3c", "#fdbe85"),
    "gather_batch": ("#f0e442",),
    "softmax_cross_entropy": ("#009e73",),
    "sgd": ("#cc79a7",),
}
"""Colours of the parts, layer by layer: forward is blue, backward orange, what is whole grey."""


def step_parts(run: Run) -> Chart | None:
    """Where a step's time goes."""
    import altair as alt

    rows = run.having("median_s", levels=("part", "step"))
    order = in_order(case["operator"] for case in rows if case["level"] == "part")
    if not order:
        return None
    base = (
        channels.rows_chart()
        .transform_calculate(
            part_s="datum.level === 'part' ? datum.median_s : 0",
            whole_s="datum.level === 'step' ? datum.median_s : 0",
        )
        .transform_joinaggregate(
            parts_s="sum(part_s)", step_s="max(whole_s)", groupby=["name", "role"]
        )
        .transform_calculate(longest="max(datum.parts_s, datum.step_s)")
        .encode(y=channels.names("longest"))
    )
    layers = [pieces(base, order)]
    if any(case["level"] == "step" for case in rows):
        step = base.transform_filter("datum.level === 'step'").transform_calculate(
            us="1e6 * datum.median_s", low="1e6 * datum.ci_low_s", high="1e6 * datum.ci_high_s"
        )
        layers += [
            step.mark_rule(color=PAGE_INK).encode(x="low:Q", x2="high:Q"),
            step.mark_tick(color=PAGE_INK, thickness=3, height=22).encode(
                x="us:Q", tooltip=channels.tooltip()
            ),
        ]
    return Chart(
        "step-parts",
        "Where a step's time goes",
        "Bars are the parts, each timed by itself; the line is the whole step with its 95 % "
        "interval. The hollow end is what the step takes beyond its parts, where that is more than "
        "the intervals leave open: launches, and what stands between the parts. Where the line "
        "stands within a bar, parts are slower by themselves than in a step. A backend that takes "
        "the step over as a whole has one part, fused.",
        channels.finished(alt.layer(*layers), channels.height(rows, 30)),
        ("label", "level", "operator", "median_s", "ci_low_s", "ci_high_s", "rest_s"),
        free=("operator",),
        levels=("part", "step"),
        needs=("median_s", overheads.PARTS),
    )


def pieces(base: Any, order: Sequence[str]) -> Any:
    """The parts of each step, one behind the other, and what is left of it behind the last."""
    import altair as alt

    known = [*order, REST]
    places = alt.InlineData(values=[{"piece": piece, "place": i} for i, piece in enumerate(known)])
    whole = "datum.level === 'step'"
    return (
        base.transform_calculate(
            piece=f"{whole} ? '{REST}' : datum.operator",
            us=f"1e6 * ({whole} ? datum.rest_s : datum.median_s)",
            text=f"{whole} ? datum.rest_text : datum.time_text",
        )
        .transform_filter("datum.us > 0")
        .transform_lookup("piece", from_=alt.LookupData(places, key="piece", fields=["place"]))
        .mark_bar(stroke=PAGE_INK, strokeWidth=0.5, height=14)
        .encode(
            x=alt.X("us:Q", title="µs", stack="zero"),
            order="place:Q",
            color=alt.Color("piece:N", title=None)
            .scale(domain=known, range=[*map(shade, order), "transparent"])
            .legend(columns=2, labelLimit=130, symbolLimit=1000),
            tooltip=[
                alt.Tooltip("name:N", title="backend"),
                alt.Tooltip("piece:N", title="part"),
                alt.Tooltip("text:N", title="time [95 %]"),
            ],
        )
    )


def in_order(parts: Iterable[str]) -> list[str]:
    """Parts in the order of a step: backward from the last layer; what is not known is last."""

    def place(part: str) -> tuple[int, int, str]:
        stage, layer = stage_of(part)
        known = STAGES.index(stage) if stage in STAGES else len(STAGES)
        return known, -layer if stage == "dense_backward" else layer, part

    return sorted(set(parts), key=place)


def stage_of(part: str) -> tuple[str, int]:
    """Operator of a part and its layer, as in ``dense 1``; 0 where there is none."""
    stage, _, layer = part.rpartition(" ")
    return (stage, int(layer)) if stage and re.fullmatch("[0-9]{1,9}", layer) else (part, 0)


def shade(part: str) -> str:
    """Colour of a part."""
    stage, layer = stage_of(part)
    shades = SHADES.get(stage, ("#b3b3b3",))
    return shades[max(layer - 1, 0) % len(shades)]
