"""Medians with their uncertainty, and ratios of cases that were timed in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, inf, log2
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95

FEWEST = ceil(1 - log2(1 - CONFIDENCE))
"""Samples whose range encloses the median with that confidence: 1 - 2 / 2**n reaches it."""


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
    Fewer than `FEWEST` samples cannot reach `CONFIDENCE`: their interval is their range.
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


Rounds = Mapping[int, Sequence[float]]
"""Seconds of each block of each round."""

_UNDISTURBED = 0.05
_BLOCKS_BELOW = 3
_LEAST_ROUNDS = 3
_RESAMPLES = 500


def undisturbed_quantile(*sides: Rounds) -> float:
    """Which quantile of blocks is a side's figure in a comparison: the lowest well known."""
    fewest = min(sum(map(len, rounds.values())) for rounds in sides)
    return max(_UNDISTURBED, min(0.5, _BLOCKS_BELOW / fewest))


def undisturbed(rounds: Rounds, quantile: float) -> float:
    """Seconds of the fastest blocks: how fast it is where nothing comes between."""
    return float(np.quantile(np.concatenate([*map(np.asarray, rounds.values())]), quantile))


@dataclass(frozen=True)
class Evidence:
    """How many times as long one side takes as the other, and the standard error of its logarithm.

    ``freedom`` is that of the error: rounds less one in turn, of both sides less two apart.
    ``before`` and ``after`` are the seconds that the ratio is of.
    """

    ratio: Ratio
    error: float
    freedom: int
    before: float
    after: float

    def p_beyond(self, threshold: float) -> float:
        """Probability of such a ratio if the sides differed by no more than ``threshold``."""
        from scipy.stats import t

        beyond = abs(np.log(self.ratio.value)) - np.log1p(threshold)
        if beyond <= 0:
            return 1.0
        return float(2 * t.sf(beyond / self.error, self.freedom)) if self.error else 0.0


def evidence(before: Rounds, after: Rounds, in_turn: bool) -> Evidence:
    """Ratio of the undisturbed times of two sides, and how sure it is.

    The error is that of resampling rounds (Efron 1979, https://doi.org/10.1214/aos/1176344552), the
    same ones on both sides where they were taken in turn; the interval is Student's. Of fewer than
    three rounds nothing is known.
    """
    from scipy.stats import t

    if in_turn:
        shared = sorted(before.keys() & after.keys())
        before, after = ({i: side[i] for i in shared} for side in (before, after))
    quantile = undisturbed_quantile(before, after)
    rng = np.random.default_rng(0)
    picked = rng.integers(len(before), size=(_RESAMPLES, len(before)))
    others = picked if in_turn else rng.integers(len(after), size=(_RESAMPLES, len(after)))
    resampled = [_resampled(*of, quantile) for of in ((after, others), (before, picked))]
    few = min(len(before), len(after)) < _LEAST_ROUNDS
    error = inf if few else float(np.std(np.log(resampled[0] / resampled[1])))
    times = undisturbed(before, quantile), undisturbed(after, quantile)
    value = times[1] / times[0]
    freedom = max(1, len(before) - 1 if in_turn else len(before) + len(after) - 2)
    factor = np.exp(t.ppf(0.5 + CONFIDENCE / 2, freedom) * error)
    ratio = Ratio(value, float(value / factor), float(value * factor))
    return Evidence(ratio, error, freedom, *times)


def _resampled(rounds: Rounds, picked: Any, quantile: float) -> Any:
    """The quantile of the blocks of each line of picked rounds."""
    width = max(map(len, rounds.values()))
    blocks = np.full((len(rounds), width), np.nan)
    for line, of in zip(blocks, rounds.values(), strict=True):
        line[: len(of)] = of
    flat = blocks[picked].reshape(len(picked), -1)
    ragged = np.isnan(blocks).any()
    return (np.nanquantile if ragged else np.quantile)(flat, quantile, axis=1)


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


def outliers(samples: "pd.Series[float]", keys: Sequence["pd.Series[Any]"]) -> "pd.Series[bool]":
    """Which samples are over three interquartile ranges beyond the quartiles of their group."""
    groups: Any = samples.groupby(list(keys), dropna=False)
    q1, q3 = (groups.transform("quantile", at) for at in (0.25, 0.75))
    found: pd.Series[bool] = (samples < 4 * q1 - 3 * q3) | (samples > 4 * q3 - 3 * q1)
    return found
