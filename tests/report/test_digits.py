"""Figures as a person reads them."""

import math

import pytest

from bench.report import digits


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.6123, 1.5, 1.7, "1.6 [1.5, 1.7]"),
        (1.6123, 1.56, 1.66, "1.61 [1.56, 1.66]"),
        (298_123, 294_000, 302_500, "298,000 [294,000, 302,000]"),
        (0.2, -3, 4, "0.2 [-3.0, 4.0]"),
        (30, 3, 33, "30 [3, 33]"),
        (361, 240, 500, "360 [240, 500]"),
        (361, 100, 500, "400 [100, 500]"),
        (64_200, 41_000, 90_000, "64,000 [41,000, 90,000]"),
        (1.4, 0.02, 2.8, "1.4 [0.02, 2.8]"),
        (1.281, 0.0061, 1.289, "1.28 [0.006, 1.29]"),
        (1.4, 1e-9, 2.8, "1.4 [0.000, 2.8]"),
        (1234.5678, 1234.5677, 1234.5679, "1,235 [1,235, 1,235]"),
        (1234.5678, math.nan, math.nan, "1,230"),
        (math.nan, 1, 2, ""),
    ],
)
def test_no_more_digits_than_the_interval_supports(value, low, high, text):
    assert digits.measured(value, low, high) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2.5, "2.50 s"), (0.091, "91.0 ms"), (78e-6, "78.0 µs"), (5e-9, "5.00 ns")]
)
def test_units_of_time(value, text):
    assert digits.seconds(value, math.nan, math.nan) == text
