"""Medians with their uncertainty, and ratios of cases that were timed in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Median and quartiles of samples, with the median's confidence interval."""

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
    """How many times as fast, with its confidence interval."""

    value: float
    low: float
    high: float


@cache
def _place(n: int, confidence: float) -> tuple[int, float]:
    """Order statistic at which the median's interval begins, from 0, and how far to the next.

    The k-th smallest and the k-th largest of n samples enclose the median of any continuous
    distribution with a probability that the binomial distribution gives; between two such k
    Hettmansperger and Sheather (1986, https://doi.org/10.1016/0167-7152(86)90021-0) interpolate.
    Fewer than six samples cannot reach 95 %: their interval is their range.
    """
    from scipy.stats import binom

    ranks = np.arange(1, n // 2 + 2)
    covered = 1 - 2 * binom.cdf(ranks - 1, n, 0.5)
    k = int((covered[: n // 2] >= confidence).sum())
    if k == 0:
        return 0, 0.0
    share = (covered[k - 1] - confidence) / (covered[k - 1] - covered[k])
    return k - 1, float((n - k) * share / (k + (n - 2 * k) * share))


def interval(samples: Sequence[float], confidence: float | None = None) -> tuple[float, float]:
    """Confidence interval of the median of independent samples, whatever their distribution."""
    ordered: Any = np.sort(samples)
    if len(ordered) == 1:
        return float(ordered[0]), float(ordered[0])
    k, share = _place(len(ordered), CONFIDENCE if confidence is None else confidence)
    low = ordered[k] + share * (ordered[k + 1] - ordered[k])
    high = ordered[-k - 1] - share * (ordered[-k - 1] - ordered[-k - 2])
    return float(low), float(high)


def summarize(samples: Sequence[float]) -> Summary:
    """Summary of at least one sample."""
    q1, median, q3 = np.quantile(samples, [0.25, 0.5, 0.75])
    return Summary(float(median), float(q1), float(q3), *interval(samples))


def speedup(
    baseline: Sequence[float], samples: Sequence[float], confidence: float | None = None
) -> Ratio:
    """How many times as fast as the baseline, from samples of the same rounds.

    The median of the rounds' ratios: what slows a whole round down cancels in each of them.
    """
    rounds = min(len(baseline), len(samples))
    ratios = np.asarray(baseline[:rounds]) / np.asarray(samples[:rounds])
    return Ratio(float(np.median(ratios)), *interval(list(ratios), confidence))


def shift(
    before: Sequence[float], after: Sequence[float], confidence: float | None = None
) -> Ratio:
    """How many times as much ``after`` is as ``before``, from samples taken apart.

    The median of all ratios of one to the other, with the interval of the rank-sum test (Hodges and
    Lehmann 1963, https://doi.org/10.1214/aoms/1177704172): a few wild samples leave both alone.
    """
    from scipy.stats import norm

    ratios = np.sort(np.divide.outer(np.asarray(after), np.asarray(before)), axis=None)
    n, m = len(before), len(after)
    z = norm.ppf(0.5 + (CONFIDENCE if confidence is None else confidence) / 2)
    k = max(0, int(n * m / 2 - z * np.sqrt(n * m * (n + m + 1) / 12)))
    return Ratio(float(np.median(ratios)), float(ratios[k]), float(ratios[-k - 1]))


def p_beyond(
    before: Sequence[float], after: Sequence[float], threshold: float, in_turn: bool
) -> float:
    """Probability of such samples if they differed by no more than ``threshold``, either way.

    By Wilcoxon's signed ranks where they were taken in turn, and by rank sums where apart; twice
    the smaller of the two one-sided ones.
    """
    from scipy.stats import mannwhitneyu, wilcoxon

    x, y, edge = np.log(before), np.log(after), np.log1p(threshold)
    if in_turn:
        up = wilcoxon(y - x - edge, alternative="greater").pvalue
        down = wilcoxon(y - x + edge, alternative="less").pvalue
    else:
        up = mannwhitneyu(y - edge, x, alternative="greater").pvalue
        down = mannwhitneyu(y + edge, x, alternative="less").pvalue
    return float(min(1.0, 2 * min(up, down)))


def holm(p_values: Sequence[float], level: float = 1 - CONFIDENCE) -> list[bool]:
    """Which of many findings stand, so that with ``level`` probability none of them is chance.

    Holm's step-down procedure (1979, https://www.jstor.org/stable/4615733).
    """
    stand = [False] * len(p_values)
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[i] > level / (len(p_values) - rank):
            break
        stand[i] = True
    return stand
