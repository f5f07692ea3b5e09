"""How what is called from a kernel is compiled: without a cache entry of its own."""

from functools import partial

from numba import njit

called = partial(
    njit, error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)

# Where arguments are known at the place of the call, and the code is better for knowing them.
inlined = partial(called, forceinline=True)

# Where it has to be part of the caller before types are known: a function for each function given.
pasted = partial(njit, inline="always")
