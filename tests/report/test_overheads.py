"""What a step takes beyond its parts."""

import math

import pytest
from report_page import frame, row

from bench.report import cases, overheads


def rest(*rows):
    """Of a step that takes 0.3 s ± 1 %, in the presence of other rows."""
    shown = cases.tidy(frame(row("numpy", 1, level="step"), *rows))
    (step,) = (case for case in shown if case["level"] == "step" and case["backend"] == "numpy")
    return [step[name] for name in overheads.COLUMNS]


def part(operator, seconds, **values):
    return row("numpy", 0.3 / seconds, level="part", operator=operator, **values)


def test_it_is_the_difference_with_the_interval_of_independent_times():
    found = rest(part("dense 1", 0.1), part("sgd", 0.05))
    half = math.sqrt(0.003**2 + 0.001**2 + 0.0005**2)
    assert found == pytest.approx([0.15, 0.15 - half, 0.15 + half])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [part("fused", 0.2)],
        [part("sgd", 0.2), part("dense 1", 0.1, status="failed", median_s=None)],
        [part("sgd", 0.2, ci_low_s=None)],
        [part("sgd", 0.299)],
        [part("sgd", 0.4)],
        [part("sgd", 0.1, batch=32)],
        [row("a", 4, level="part", operator="sgd")],
    ],
    ids=["no parts", "in one piece", "a part failed", "no interval", "within the intervals",
         "parts are longer", "of another batch", "of another backend"],
)  # fmt: skip
def test_where_it_is_not_known_there_is_none(rows):
    assert all(map(math.isnan, rest(*rows)))


def test_of_two_ways_to_take_a_step_nobody_knows_whose_the_parts_are():
    rows = [row("numpy", i, level="step", kernel=f"k{i}") for i in (1, 2)]
    shown = cases.tidy(frame(*rows, part("sgd", 0.05)))
    assert all(math.isnan(case["rest_s"]) for case in shown)
