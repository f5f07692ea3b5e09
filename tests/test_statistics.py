"""Medians, intervals and ratios: what they are, how often they are right, what they cancel."""

import numpy as np
import pytest

from bench import statistics
from bench.statistics import Summary, speedup, summarize

DATA_SETS = 1000
BAND = (0.93, 0.97)


def lognormal(rng: np.random.Generator, n: int = 15, median: float = 1.0) -> np.ndarray:
    """Times as they come: a floor, and now and then something slow."""
    return median * rng.lognormal(0.0, 0.3, n)


def normal(rng: np.random.Generator, n: int = 15) -> np.ndarray:
    """Times with symmetric noise, of median 1."""
    return rng.normal(1.0, 0.05, n)


def with_outliers(rng: np.random.Generator, n: int = 15) -> np.ndarray:
    """Times of which one in ten lost the processor, now early and now late: of median 1."""
    return normal(rng, n) + (rng.random(n) < 0.1) * rng.normal(0, 3, n)


def covered(draw=lognormal, n: int = 15) -> float:
    """Share of data sets whose interval holds the true median."""
    rng = np.random.default_rng(1)
    summaries = [summarize(draw(rng, n)) for _ in range(DATA_SETS)]
    return float(np.mean([s.low <= 1.0 <= s.high for s in summaries]))


def test_summary_has_the_median_and_the_quartiles():
    summary = summarize([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (summary.q1, summary.median, summary.q3) == (2.0, 3.0, 4.0)


def test_interval_contains_the_median_and_lies_within_the_samples():
    rng = np.random.default_rng(0)
    for n in (2, 3, 7, 31):
        samples = lognormal(rng, n)
        summary = summarize(samples)
        assert samples.min() <= summary.low <= summary.median <= summary.high <= samples.max()
        assert summary.low < summary.high


def test_interval_narrows_with_more_samples():
    rng = np.random.default_rng(0)
    few, many = summarize(lognormal(rng, 10)), summarize(lognormal(rng, 1000))
    assert many.relative_error < few.relative_error / 3


def test_one_sample_is_its_own_interval():
    assert summarize([0.25]) == Summary(0.25, 0.25, 0.25, 0.25, 0.25)


def test_same_samples_give_the_same_interval():
    samples = lognormal(np.random.default_rng(0))
    assert summarize(samples) == summarize(list(samples))


def test_relative_error_is_half_the_interval_over_the_median():
    assert Summary(median=2.0, q1=1, q3=3, low=1.5, high=2.7).relative_error == pytest.approx(0.3)


@pytest.mark.parametrize("n", [6, 7, 11, 15, 31, 100])
@pytest.mark.parametrize("draw", [normal, lognormal, with_outliers])
def test_the_95_percent_interval_covers_the_median_in_95_percent_of_data_sets(draw, n):
    assert BAND[0] <= covered(draw, n) <= BAND[1]


def test_the_interval_of_a_speedup_covers_it_as_often_however_the_machine_drifts():
    rng, holds = np.random.default_rng(2), []
    for _ in range(DATA_SETS):
        drift = np.exp(np.cumsum(rng.normal(0, 0.05, 15)))
        slow, fast = (factor * drift * lognormal(rng) for factor in (1.03, 1.0))
        ratio = speedup(slow, fast)
        holds.append(ratio.low <= 1.03 <= ratio.high)
    assert BAND[0] <= np.mean(holds) <= BAND[1]


def test_fewer_than_six_samples_have_their_range_as_interval():
    assert summarize([3.0, 1.0, 2.0, 5.0]) == Summary(2.5, 1.75, 3.5, 1.0, 5.0)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.99])
def test_an_interval_of_another_level_would_be_noticed(monkeypatch, level):
    monkeypatch.setattr(statistics, "CONFIDENCE", level)
    assert not BAND[0] <= covered() <= BAND[1]


def test_speedup_is_the_median_of_the_rounds_ratios():
    ratio = speedup([4.0, 5.0, 6.0], [2.0, 2.5, 4.0])
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 1.5, 2.0)


def test_drift_that_all_share_cancels_in_the_speedup():
    rng = np.random.default_rng(0)
    drift = lognormal(rng, 21)  # rounds in which the whole machine was slow, or fast
    slow = 2.0 * drift * rng.normal(1, 0.01, 21)
    fast = 1.0 * drift * rng.normal(1, 0.01, 21)
    paired, unpaired = speedup(slow, fast), speedup(slow, rng.permutation(fast))
    assert paired.low <= 2.0 <= paired.high
    assert paired.high - paired.low < (unpaired.high - unpaired.low) / 3


def test_the_baseline_is_exactly_as_fast_as_itself():
    samples = lognormal(np.random.default_rng(0))
    assert speedup(samples, samples) == statistics.Ratio(1.0, 1.0, 1.0)


def test_one_round_gives_a_speedup_without_width():
    assert speedup([3.0], [2.0]) == statistics.Ratio(1.5, 1.5, 1.5)


def test_only_rounds_that_both_took_part_in_are_compared():
    assert speedup([2.0, 2.0, 90.0, 90.0], [1.0, 1.0]).value == 2.0
    assert speedup([2.0, 2.0], [1.0, 1.0, 90.0, 90.0]).value == 2.0


def test_a_sample_far_beyond_the_quartiles_of_its_group_is_an_outlier():
    import pandas as pd

    samples = pd.Series([1.0, 1.1, 0.9, 1.0, 9.0, 10.0, 10.1, 9.9, 10.0, 1.0])
    groups = [pd.Series(["a"] * 5 + ["b"] * 5)]
    found = statistics.outliers(samples, groups)
    assert found.tolist() == [False] * 4 + [True] + [False] * 4 + [True]


def test_the_fewest_samples_that_reach_the_confidence_by_their_range():
    covered = [1 - 2 * 0.5**n for n in (statistics.FEWEST - 1, statistics.FEWEST)]
    assert covered[0] < statistics.CONFIDENCE <= covered[1]
