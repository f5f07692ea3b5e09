"""How far from the truth a result may be: error norms and the bounds on them."""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np

from mnist_core.operators import HostArray

OWN_FACTOR = 4
"""How many times NumPy's own error an honest order of summation may have."""

ELEMENT_FACTOR = 6
"""How much larger the worst of some 100,000 elements may be than their root mean square."""

DEVIATIONS = 6
"""Standard deviations beyond which rounding is not believed to be honest: one in a billion."""


@dataclass(frozen=True)
class Comparison:
    """One output judged: the failing measure if there is one, else the norm.

    ``error`` is relative to the operator's scale, ``error_ratio`` to NumPy's own error on the same
    input; ``element`` is the index of the worst element.
    """

    passed: bool
    error: float
    allowed: float
    error_ratio: float
    element: tuple[int, ...]


def bound(own: float, roundoff: float, reduction: int, elements: int) -> float:
    """Largest error of an honest float computation whose longest sum has ``reduction`` terms.

    Roundings of a running sum add up like a random walk: sqrt(k)/3 roundoffs for k terms of one
    sign summed in a row, which NumPy's pairwise order avoids; hence the two alternatives. That is
    the root mean square, about which the norm of few ``elements`` scatters.
    """
    return max(OWN_FACTOR * own, roundoff * (2 + scatter(elements) * sqrt(reduction) / 3))


def scatter(elements: int) -> float:
    """How far above its expectation the root mean square of normal errors may come by chance.

    The quantile of the chi-squared distribution at `DEVIATIONS` (Wilson and Hilferty 1931,
    https://doi.org/10.1073/pnas.17.12.684): 6.9 for one element, 1.3 for 250, 1.01 for 100,000.
    """
    width = 2 / (9 * max(elements, 1))
    return float((1 - width + DEVIATIONS * sqrt(width)) ** 1.5)


def error_ratio(error: float, own: float, roundoff: float) -> float:
    """Error over NumPy's own.

    An own error below a quarter of a roundoff is luck, not a standard to hold others to.
    """
    return error / max(own, roundoff / 4)


def _relative(error: Any, scale: Any) -> HostArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error == 0, 0.0, error / scale)


def _norm(error: HostArray, scale: HostArray) -> float:
    return float(_relative(np.linalg.norm(error.ravel()), np.linalg.norm(scale.ravel())))


def compare(
    computed: HostArray,
    truth: HostArray,
    own: HostArray,
    scale: HostArray,
    *,
    reduction: int,
    roundoff: float,
    equal: bool,
) -> Comparison:
    """Judge ``computed`` against ``truth``, in norm and at its worst element.

    Parameters
    ----------
    computed, own
        The kernel's and NumPy's result in the precision at hand.
    truth, scale
        The reference and the size of its rounding error in the wider precision.
    equal
        Ask for ``computed == own`` instead of a bound.
    """
    wide = [a.astype(truth.dtype, copy=False) for a in (computed, own)]
    difference, own_difference = (np.abs(a - truth) for a in wide)
    relative = _relative(difference, scale)
    if equal:
        relative = np.where(wide[0] == wide[1], 0.0, np.maximum(relative, roundoff))
    relative = np.where(np.isfinite(computed), relative, np.inf)
    worst = np.unravel_index(int(relative.argmax()), relative.shape) if relative.size else ()
    element = tuple(int(i) for i in worst)
    largest = float(relative.max(initial=0.0))

    own_norm, norm = _norm(own_difference, scale), _norm(difference, scale)
    ratio = error_ratio(norm, own_norm, roundoff)
    if equal:
        return Comparison(largest == 0, largest, 0.0, ratio, element)

    own_largest = float(_relative(own_difference, scale).max(initial=0.0))
    allowed = bound(own_norm, roundoff, reduction, relative.size)
    allowed_largest = max(
        OWN_FACTOR * own_largest, ELEMENT_FACTOR * roundoff * (2 + sqrt(reduction) / 3)
    )
    if not largest <= allowed_largest:
        return Comparison(False, largest, allowed_largest, ratio, element)
    return Comparison(norm <= allowed, norm, allowed, ratio, element)


def distance(parameter: HostArray, truth: HostArray) -> float:
    """Relative distance in norm, for whole parameters and logits."""
    difference = parameter.astype(truth.dtype, copy=False) - truth
    size, error = (float(np.linalg.norm(a.astype(np.float64))) for a in (truth, difference))
    # The gradient of a layer of which no unit is active is zero, and nothing else will do.
    return error / size if size else (0.0 if error == 0 else inf)
