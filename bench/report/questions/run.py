"""What the questions are asked of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import cases
from bench.report.cases import Case


@dataclass(frozen=True)
class Run:
    """Everything that the report was given.

    Parameters
    ----------
    rows
        Cases as `cases.tidy` returns them.
    colours
        The colour that each backend has everywhere.
    environment, certificates
        As for `bench.report.render`.
    """

    rows: Sequence[Case]
    colours: Mapping[str, str]
    environment: Mapping[str, Any]
    certificates: Sequence[Mapping[str, Any]]

    def having(self, *columns: str, levels: Sequence[str] = ()) -> list[Case]:
        """Timed cases, of some levels if any are named, with a positive number in each column."""
        return [
            case
            for case in cases.timed(self.rows)
            if (not levels or case["level"] in levels)
            and all(0 < cases.real(case.get(column)) < math.inf for column in columns)
        ]
