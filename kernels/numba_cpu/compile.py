"""How every kernel here is compiled."""

from functools import partial

from numba import njit

# Cached on disk; division as NumPy does it, since a check for zero would keep loops from
# vectorising; no fast-math, which would let NaN and the order of sums go astray.
compiled = partial(njit, cache=True, error_model="numpy")

# In exact precision no sum rounds, so its order is free and loops over threads and lanes may
# choose it.
compiled_exact = partial(compiled, parallel=True, fastmath={"reassoc", "contract"})
