"""How every kernel here is compiled."""

from functools import partial

from numba import njit

# Cached on disk; division as NumPy does it, since a check for zero would keep loops from
# vectorising; no fast-math, which would let NaN and the order of sums go astray.
compiled = partial(njit, cache=True, error_model="numpy")
