"""The exponential of the exact precision: a table that is the same on every machine."""

import hashlib
from decimal import Decimal, localcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mnist_core.precision import ACTIVATION_BITS, EXP_BITS

if TYPE_CHECKING:
    from mnist_core.arrays import Space

ENTRIES = 65_536
SHA256 = "f0539b91199d081f897f1f9ac7614a9df2deafefd10dbb4799214d19d2ed1e54"

_FIXED_BITS = 192
"""Of the fixed-point numbers that the table is computed in: its errors stay below 2**-170."""


def table_on(space: "Space") -> Any:
    """The table as an array of a space, copied there once."""
    return space.constant(("exp table",), lambda: space.to_device(exp_table()))


@cache
def exp_table() -> npt.NDArray[np.float64]:
    """Table (65536,) float64 of exp(-i / 4096), rounded to multiples of 2**-30.

    Powers of exp(-1 / 4096), which Python's decimal module gives to 80 digits, in integers of 192
    bits behind the point. The sum of any number of entries below 2**22 is exact in float64.

    Raises
    ------
    RuntimeError
        If this machine computes another table; its SHA-256 is a constant.
    """
    with localcontext() as context:
        context.prec = 80
        ratio = int((Decimal(-1) / 2**ACTIVATION_BITS).exp() * 2**_FIXED_BITS)
    shift = _FIXED_BITS - EXP_BITS
    power, rounded = 1 << _FIXED_BITS, []
    for _ in range(ENTRIES):
        rounded.append((power + (1 << (shift - 1))) >> shift)
        power = power * ratio >> _FIXED_BITS
    table = np.array(rounded, np.int64)
    if hashlib.sha256(table.astype("<i4").tobytes()).hexdigest() != SHA256:
        raise RuntimeError("the exp table of the exact precision came out otherwise than it must")
    return np.asarray(table * 2.0**-EXP_BITS)
