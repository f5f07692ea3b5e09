"""How fast this device can go at all, measured on the spot: what rows are held against.

The roofline (Williams, Waterman and Patterson 2009, https://doi.org/10.1145/1498765.1498785): work
of ``flops`` that moves ``bytes`` takes no less than flops / peak and bytes / bandwidth.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from math import inf, nan
from time import perf_counter
from typing import Any

from bench.machine import last_level_cache
from mnist_core.arrays import Space

SLACK = 1.05
"""How far above a measured peak a row may come before it is held to be impossible."""

_PRODUCT_SIZES = {"cpu": (384, 768, 1536), "cuda": (2048, 4096, 8192)}
_BLOCK_S = 0.005
_TRIES_S = 0.08
"""Seconds for which each figure is tried; the best counts, for a stall makes none faster."""

_WELL_BEYOND = 4

Peaks = dict[str, float]


def measure_peaks(space: Space, dtype: str, threads: int, numba: bool = False) -> Peaks:
    """Peak arithmetic and bandwidth of a space's device.

    ``gflops`` and ``gflops_1_thread`` are 1e9 operations a second of a matrix product, or, on the
    host and with ``numba``, of multiply-adds that need nothing but registers if those are more;
    ``cache_gbytes_per_s`` and ``memory_gbytes_per_s`` 1e9 bytes a second, read and written, of a
    copy within the last cache and of one four times as large; ``read_gbytes_per_s`` those of
    reading as much memory, which need not fetch what it is about to overwrite; ``cache_bytes`` is
    that cache's size.
    """
    from threadpoolctl import threadpool_limits

    cache = last_level_cache(space)
    with threadpool_limits(1):
        one = _product_peak(space, dtype)
    with threadpool_limits(threads):
        all_threads = _product_peak(space, dtype) if threads > 1 else one
        read = _read_peak(space, 4 * cache)
    if numba and space.device == "cpu":
        from kernels.numba_cpu.tiled.peak import gflops

        all_threads = max(all_threads, gflops(dtype, _TRIES_S))
    return {
        "gflops": max(one, all_threads),
        "gflops_1_thread": one,
        "cache_gbytes_per_s": _copy_peak(space, cache // 8, threads),
        "memory_gbytes_per_s": _copy_peak(space, 2 * cache, threads),
        "read_gbytes_per_s": read,
        "cache_bytes": cache,
    }


def better(first: Peaks, second: Peaks) -> Peaks:
    """The higher of two measurements of each peak."""
    return {name: max(value, second[name]) for name, value in first.items()}


def _best(run: Callable[[], Any], space: Space) -> float:
    """Seconds of a call in the fastest block of calls, long enough to hide what asking costs."""

    def block(calls: int) -> float:
        start = perf_counter()
        for _ in range(calls):
            run()
        space.synchronize()
        return (perf_counter() - start) / calls

    block(1)
    calls = max(1, round(_BLOCK_S / max(block(1), 1e-9)))
    best, end = inf, perf_counter() + _TRIES_S
    while perf_counter() < end:
        best = min(best, block(calls))
    return best


def _product_peak(space: Space, dtype: str) -> float:
    xp = space.xp
    rates = []
    for n in _PRODUCT_SIZES[space.device]:
        a, b = (xp.ones((n, n), dtype=getattr(xp, dtype)) for _ in range(2))
        out = space.empty((n, n), dtype)
        seconds = _best(partial(xp.matmul, a, b, out=out), space)
        rates.append(2 * n**3 / seconds / 1e9)
    return max(rates)


def _copy_peak(space: Space, size: int, threads: int) -> float:
    """1e9 bytes a second of a copy of ``size`` bytes, a share of it by each thread of the host."""
    source, target = (space.xp.ones(size // 4, dtype=space.xp.float32) for _ in range(2))
    if space.device != "cpu" or threads == 1:
        seconds = _best(lambda: space.xp.copyto(target, source), space)
    else:
        edges = [size // 4 * i // threads for i in range(threads + 1)]
        shares = [slice(a, b) for a, b in pairwise(edges)]
        with ThreadPoolExecutor(threads) as pool:
            seconds = _best(
                lambda: list(pool.map(lambda s: space.xp.copyto(target[s], source[s]), shares)),
                space,
            )
    rate: float = 2 * source.nbytes / seconds / 1e9
    return rate


def _read_peak(space: Space, size: int) -> float:
    """1e9 bytes a second of reading ``size`` bytes once, as a product of a vector with itself."""
    source = space.xp.ones(size // 4, dtype=space.xp.float32)
    rate: float = source.nbytes / _best(lambda: space.xp.dot(source, source), space) / 1e9
    return rate


def pct_peak(flops: float, seconds: float, peaks: Peaks) -> float:
    """Percent of the measured arithmetic peak that executed operations come to."""
    return 100 * flops / seconds / 1e9 / peaks["gflops"]


def roofline(flops: float, moved: float, peaks: Peaks) -> dict[str, float]:
    """``intensity`` in operations a byte, and ``roof_gflops``: what it allows at most.

    The bandwidth is the cache's where the bytes fit into it.
    """
    if not moved:
        return {"intensity": nan, "roof_gflops": peaks["gflops"]}
    name = "cache" if moved <= peaks["cache_bytes"] else "memory"
    intensity = flops / moved
    roof = min(peaks["gflops"], intensity * peaks[f"{name}_gbytes_per_s"])
    return {"intensity": intensity, "roof_gflops": roof}


def impossible(flops: float, moved: float | None, seconds: float, peaks: Peaks) -> str | None:
    """Why no such device can have done it in that time, or None if it can."""
    rate, peak = flops / seconds / 1e9, peaks["gflops"]
    if rate > SLACK * peak:
        return (
            f"impossible speed: {rate:.3g} GFLOP/s is {rate / peak:.2g} times the measured peak of "
            f"{peak:.3g}; does it skip work that it did before?"
        )
    # What is but a few times the cache is still half in it.
    if moved and moved > _WELL_BEYOND * peaks["cache_bytes"]:
        rate = moved / seconds / 1e9
        peak = max(peaks["memory_gbytes_per_s"], peaks["read_gbytes_per_s"])
        if rate > SLACK * peak:
            return (
                f"impossible speed: {rate:.3g} GB/s is {rate / peak:.2g} times the measured "
                f"bandwidth of {peak:.3g}; does it skip work that it did before?"
            )
    return None
