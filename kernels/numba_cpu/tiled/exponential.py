"""exp in operations that LLVM turns into vectors, which calls of the C library would prevent."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.numba_cpu.tiled.inner import inlined

Array = Any

_LOG2_E = np.float32(1 / np.log(2))
# log 2 in two parts, the first with so few digits that its multiples are exact (Cody and Waite).
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(np.log(2) - 0.693359375)
_LOWEST = np.float32(-87)
_TAYLOR = tuple(np.float32(1 / np.prod(np.arange(1.0, n + 1))) for n in range(7, -1, -1))
"""1/7! to 1/0!: for |r| up to log(2) / 2 what is left out is below 1e-8 of the result."""

_MANTISSA_BITS, _BIAS = 23, 127


@intrinsic
def _power_of_two(typing: Any, n: Any) -> Any:
    """2**n as float32, for n from -126 to 127."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        integer = ir.IntType(32)
        exponent = builder.add(values[0], integer(_BIAS))
        return builder.bitcast(builder.shl(exponent, integer(_MANTISSA_BITS)), ir.FloatType())

    return types.float32(types.int32), code


@inlined()
def exponentials(x: Array, top: Any, out: Array) -> None:
    """out = exp(x - top), to 2 units in the last place where x <= top; exp(-87) at the least.

    What stands where x > top, as in padding, is not to be used.
    """
    for j in range(out.size):
        if out.itemsize == 8:
            out[j] = np.exp(x[j] - top)
            continue
        z = x[j] - top
        z = _LOWEST if z < _LOWEST else z  # this way round NaN stays NaN
        n = np.rint(z * _LOG2_E)
        r = (z - n * _LN2_HIGH) - n * _LN2_LOW
        total = _TAYLOR[0]
        for coefficient in _TAYLOR[1:]:
            total = total * r + coefficient
        out[j] = total * _power_of_two(np.int32(n))
