"""The charts of the page's exploring part, one function a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.report.cases import Case
from bench.report.explore import Chart
from bench.report.questions.accuracy import error_over_time
from bench.report.questions.costs import compile_time, peak_memory
from bench.report.questions.parts import step_parts
from bench.report.questions.roofline import operator_roofline
from bench.report.questions.run import Run
from bench.report.questions.speed import ladder, speedups, throughput_over_batch
from bench.report.questions.training import error_growth, losses
from bench.report.steps import TrainingStep

QUESTIONS: tuple[Callable[[Run], Chart | None], ...] = (
    *(speedups, throughput_over_batch, step_parts, operator_roofline, ladder),
    *(error_over_time, losses, error_growth, compile_time, peak_memory),
)


def charts(
    rows: Sequence[Case],
    colours: Mapping[str, str],
    peaks: Mapping[str, Any],
    steps: Sequence[TrainingStep],
) -> list[Chart]:
    """The charts that a run has an answer for."""
    from altair.utils.schemapi import debug_mode

    run = Run(rows, colours, peaks, steps)
    # Holding every piece of a chart against the schema takes three times as long as making it.
    with debug_mode(False):
        return [chart for ask in QUESTIONS if (chart := ask(run)) is not None]
