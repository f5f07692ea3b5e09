"""What the questions are asked of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import cases
from bench.report.cases import Case
from bench.report.steps import TrainingStep


@dataclass(frozen=True)
class Run:
    """Everything that the report was given.

    Parameters
    ----------
    rows
        Cases as `cases.tidy` returns them.
    colours
        The colour that each backend has everywhere.
    peaks
        Measured peaks of the devices of each run.
    steps
        The trainings of certificates, as `steps.steps` returns them.
    """

    rows: Sequence[Case]
    colours: Mapping[str, str]
    peaks: Mapping[str, Any]
    steps: Sequence[TrainingStep]

    def having(self, *columns: str, levels: Sequence[str] = ()) -> list[Case]:
        """Timed cases, of some levels if any are named, with a positive number in each column."""
        return [
            case
            for case in cases.timed(self.rows)
            if (not levels or case["level"] in levels) and sound(case, columns)
        ]

    def steps_having(self, *columns: str) -> list[TrainingStep]:
        """Steps of training with a positive number in each column."""
        return [step for step in self.steps if sound(step, columns)]


def sound(row: Mapping[str, Any], columns: Iterable[str]) -> bool:
    """Whether a row has a positive number in each column."""
    return all(0 < cases.real(row.get(column)) < math.inf for column in columns)
