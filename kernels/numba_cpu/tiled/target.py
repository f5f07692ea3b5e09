"""What Numba compiles for: the bytes of a vector register, and how many there are."""

from numba.core.registry import cpu_target


def _vector_bytes_and_registers() -> tuple[int, int]:
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    enabled = features.split(",")
    if "+avx512f" in enabled:
        return 64, 32
    if "+avx2" in enabled and "+fma" in enabled:
        return 32, 16
    # Every 64-bit ARM has 32 registers of NEON, every 64-bit x86 at least 16 of SSE2.
    return 16, 32 if triple.startswith(("aarch64", "arm64")) else 16


VECTOR_BYTES, REGISTERS = _vector_bytes_and_registers()

VECTORS = 2
"""Columns of a tile, in vectors: each value of a left factor that is loaded is used twice."""

ROWS = 8 if REGISTERS == 32 else 6
"""Rows of a tile. More sums than it takes to hide the delay of a multiply-add gain nothing, and 16
registers have no room for more beside a row of the right factor and a value of the left.
"""
