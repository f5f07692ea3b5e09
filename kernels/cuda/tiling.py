"""How a product is cut into tiles and parts, so that every multiprocessor has something to do."""

from functools import cache
from typing import Any, NamedTuple

from kernels.cuda.launch import blocks
from mnist_core.arrays import Space

Array = Any

THREADS = 256
SMALL, LARGE = 64, 128
"""Sides of a tile; the large one is for float32, of which a thread can hold 64 sums."""

ENOUGH = {LARGE: 128, SMALL: 256}
"""Blocks that fill a large GPU; small ones share a multiprocessor. The same for all GPUs, so that
all add in the same order."""

FILLED = 0.9
"""Share of `ENOUGH` from which on large tiles are worth it."""

LEAST_DEPTH = {LARGE: 256, SMALL: 64}
"""Of a part of a sum, by the side of a tile; with less, adding up the parts costs too much."""


class Tiling(NamedTuple):
    """Side of a tile, tiles down and across, and parts that each sum is cut into."""

    side: int
    down: int
    across: int
    parts: int

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.down, self.across, self.parts


@cache
def best(rows: int, columns: int, depth: int, dtype: Any) -> Tiling:
    """How a product (rows, depth) by (depth, columns) is cut: large tiles if they fill the GPU."""
    large = cut(LARGE, rows, columns, depth)
    filled = large.down * large.across * large.parts >= FILLED * ENOUGH[LARGE]
    takes_large = filled and columns > SMALL and dtype == "float32"
    return large if takes_large else cut(SMALL, rows, columns, depth)


@cache
def cut(side: int, rows: int, columns: int, depth: int) -> Tiling:
    """How the product is cut into tiles of a given side."""
    down, across = blocks(rows, side), blocks(columns, side)
    parts = min(ENOUGH[side] // (down * across), depth // LEAST_DEPTH[side])
    return Tiling(side, down, across, max(1, parts))


def room_for_parts(space: Space, tiling: Tiling, extra: int, dtype: Any) -> tuple[Array, Array]:
    """Memory for the parts' sums, ``extra`` more a thread, and a counter for each tile."""
    held = (tiling.side // 16) ** 2 + extra
    tiles = tiling.down * tiling.across
    size = tiles * tiling.parts * held * THREADS if tiling.parts > 1 else 1
    return space.scratch("parts", (size,), dtype), counters(space, tiles)


def counters(space: Space, n: int) -> Array:
    """n counters at zero; the kernels that count with them leave them so."""
    xp = space.xp
    return space.constant(("counters", n), lambda: xp.zeros((n,), dtype=xp.int32))
