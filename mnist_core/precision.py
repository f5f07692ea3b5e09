"""Precisions: what training computes in, how it rounds, and what it is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_core.errors import NetworkError

PIXEL_BITS, ACTIVATION_BITS, GRADIENT_BITS, WEIGHT_BITS, EXP_BITS = 8, 12, 20, 20, 30
"""Grids of the exact precision: every value of a tensor is a multiple of 2**-bits."""

SIGNIFICAND_BITS = 53
"""Of float64: an integer below 2**53 is one."""

HASHED_BITS = 31
"""Of a weight in units of its grid: its hash takes int32."""


def to_grid(values: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Nearest multiples of 2**-bits, half to even."""
    return np.asarray(np.rint(np.ldexp(values, bits)) * 2.0**-bits)


def _shortened(values: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    significand, exponent = np.frexp(values)
    return np.asarray(np.ldexp(to_grid(significand, bits + 1), exponent)).astype(values.dtype)


@dataclass(frozen=True)
class Precision:
    """A dtype to train in, and the grids to which operators' outputs are rounded in it.

    Parameters
    ----------
    name
        As it appears in ``--precision`` and in results.
    dtype
        Of parameters and activations.
    reference
        dtype of the trajectory that counts as true: the next wider one.
    grids
        Operator to output to bits behind the point: the output is rounded to a multiple of
        2**-bits (half to even) as soon as its kernel has filled it.
    parameter_bits
        Grid of the initial parameters.
    factor_bits
        Bits behind the point to which kernels may round the factors of products, as tensor cores
        do; None where they may not.
    """

    name: str
    dtype: str
    reference: str
    grids: Mapping[str, Mapping[str, int]] = field(default_factory=dict, compare=False)
    parameter_bits: int | None = None
    factor_bits: int | None = None

    @property
    def roundoff(self) -> float:
        """Unit roundoff u: half the distance from 1 to the next number."""
        return float(np.finfo(self.dtype).eps) / 2

    def rounded(self, parameters: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Initial parameters as training in this precision begins with them."""
        return (
            parameters if self.parameter_bits is None else to_grid(parameters, self.parameter_bits)
        )

    def factors(self, *arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        """Arrays as products may see them: each element's significand rounded, half to even."""
        if self.factor_bits is None:
            return arrays
        return tuple(_shortened(array, self.factor_bits) for array in arrays)

    def rate(self, lr: float, batch: int) -> float:
        """What `Network.step` and `Network.epoch` take as ``lr`` for a learning rate.

        Gradients are means over the batch, so it is the learning rate itself. In exact precision
        they are sums, since a division would round: there it is the rate of a single image, the
        learning rate over the next power of two at or above the batch. A partial last batch moves
        by the same rate.

        Raises
        ------
        NetworkError
            For a learning rate that is not positive and, in exact precision, for one that is no
            power of two.
        """
        if not 0 < lr < np.inf:
            raise NetworkError(f"learning rate {lr:g}: give a positive number, such as 0.1")
        if self is not EXACT:
            return lr
        below = float(2.0 ** np.floor(np.log2(lr)))
        if lr != below:
            raise NetworkError(
                f"learning rate {lr:g}: exact precision takes powers of two; "
                f"near are {below:g} and {2 * below:g}"
            )
        return lr / float(2 ** (batch - 1).bit_length())

    def weight_of_part(self, images: int, batch: int) -> float:
        """What the gradient of some images of a batch counts in that of the batch.

        Gradients are means over images, in exact precision sums.
        """
        return 1.0 if self is EXACT else images / batch

    def nearest_lr(self, lr: float) -> float:
        """The learning rate nearest to ``lr`` that this precision can train with."""
        if self is not EXACT:
            return lr
        return float(2.0 ** np.round(np.log2(lr)))


FLOAT32 = Precision("float32", "float32", "float64")
FLOAT64 = Precision("float64", "float64", "longdouble")
TF32 = Precision("tf32", "float32", "float64", factor_bits=10)
EXACT = Precision(
    "exact",
    "float64",
    "float64",
    grids={
        "gather_batch": {"x": PIXEL_BITS},
        "dense": {"out": ACTIVATION_BITS},
        "softmax": {"out": GRADIENT_BITS},
        "softmax_cross_entropy": {"dlogits": GRADIENT_BITS},
        "dense_backward": {"dx": GRADIENT_BITS},
        "sgd": {"param": WEIGHT_BITS},
    },
    parameter_bits=WEIGHT_BITS,
)
PRECISIONS = {p.name: p for p in (FLOAT32, FLOAT64, TF32, EXACT)}


def precision(name: str) -> Precision:
    """The precision of that name; `NetworkError` lists the names if there is none."""
    try:
        return PRECISIONS[name]
    except KeyError:
        known = ", ".join(PRECISIONS)
        raise NetworkError(f"unknown precision {name!r}; there are {known}") from None


def bits_needed(
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    a_bits: int,
    b_bits: int,
    bias: npt.NDArray[Any] | None = None,
) -> float:
    """Bits of significand at which no partial sum of ``a @ b + bias`` rounds, in any order.

    Every term is a multiple of 2**-(a_bits + b_bits), and no partial sum is larger than the sum of
    the terms' sizes, which is at most max|a| times the largest column sum of |b|, or the largest
    row sum of |a| times max|b|, and max|bias|.

    Parameters
    ----------
    a, b, bias
        Arrays (m, k), (k, n) and (n,).
    a_bits, b_bits
        Their grids: elements of ``a`` are multiples of 2**-a_bits.
    """
    a, b = np.abs(a), np.abs(b)
    largest = min(
        a.max(initial=0) * b.sum(axis=0).max(initial=0),
        a.sum(axis=1).max(initial=0) * b.max(initial=0),
    )
    if bias is not None:
        largest += np.abs(bias).max(initial=0)
    if largest == 0:
        return 0.0
    return float(np.log2(largest)) + a_bits + b_bits  # NaN stays NaN, which is below no limit
