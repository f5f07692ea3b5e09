"""Medians with their uncertainty, and ratios of cases that were timed in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CONFIDENCE = 0.95
_RESAMPLES = 2000
_SEED = 20260101


@dataclass(frozen=True)
class Summary:
    """Median and quartiles of samples, with the median's bootstrap interval."""

    median: float
    q1: float
    q3: float
    low: float
    high: float

    @property
    def relative_error(self) -> float:
        """Half the interval's width over the median."""
        return (self.high - self.low) / 2 / self.median


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians with its bootstrap interval."""

    value: float
    low: float
    high: float


def _bootstrap(samples: Sequence[Any], statistic: Any) -> tuple[float, float]:
    """Percentile bootstrap interval (Efron 1979), resampling rounds."""
    from scipy.stats import bootstrap

    if len(samples[0]) < 2:
        value = float(statistic(*map(np.asarray, samples), axis=-1))
        return value, value
    interval = bootstrap(
        samples,
        statistic,
        paired=len(samples) > 1,
        vectorized=True,
        method="percentile",
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def summarize(samples: Sequence[float]) -> Summary:
    """Summary of at least one sample."""
    q1, median, q3 = np.quantile(samples, [0.25, 0.5, 0.75])
    low, high = _bootstrap([samples], np.median)
    return Summary(float(median), float(q1), float(q3), low, high)


def speedup(baseline: Sequence[float], samples: Sequence[float]) -> Ratio:
    """How many times as fast as the baseline, from samples of the same rounds.

    Rounds are resampled as pairs, so what slows a whole round down cancels.
    """

    def ratio(a: Any, b: Any, axis: int) -> Any:
        return np.median(a, axis=axis) / np.median(b, axis=axis)

    rounds = min(len(baseline), len(samples))
    a, b = np.asarray(baseline[:rounds]), np.asarray(samples[:rounds])
    low, high = _bootstrap([a, b], ratio)
    return Ratio(float(ratio(a, b, axis=-1)), low, high)
