"""What training without zeros needs for the first layer: weights in column tiles, scratch."""

from typing import Any

import numpy as np

from kernels.numba_cpu.tiled.arena import LINE, Arena, aligned
from kernels.numba_cpu.tiled.sparse import COLUMNS, QUAD, WORD
from kernels.numba_cpu.tiled.target import VECTOR_BYTES
from mnist_core.network import Network

Array = Any

PIXEL_VALUES = 256


class FirstLayer:
    """The first layer of a network on an arena, for chunks of up to ``rows`` images.

    ``arrays`` is what the compiled functions take: weights, sums of their gradients in a chain and
    in all chains, the worth of a pixel, pixels of three chunks (this one, the next, and the one
    that others may still read), where they are not 0, for two chunks the images to each four pixels
    and their numbers, sums. ``tiles`` is the number of column tiles.
    """

    def __init__(self, arena: Arena, inputs: int, rows: int) -> None:
        dtype = arena.array.dtype
        self._columns = COLUMNS * VECTOR_BYTES // dtype.itemsize
        self.tiles = int(arena.layers[0]["width"]) // self._columns
        inputs = -(-inputs // WORD) * WORD
        words, quads = inputs // WORD, inputs // QUAD
        self._weights = self._zeros((self.tiles, inputs, self._columns), dtype)
        worth = self._zeros((PIXEL_VALUES,), dtype)
        worth[...] = np.arange(PIXEL_VALUES, dtype=dtype) / dtype.type(PIXEL_VALUES - 1)
        self.arrays = (
            self._weights.reshape(-1),
            self._zeros(self._weights.shape, dtype).reshape(-1),
            self._zeros(self._weights.shape, dtype).reshape(-1),
            worth,
            self._zeros((3, rows, inputs), np.uint8),
            self._zeros((words, rows), np.uint64),
            self._zeros((2, quads, rows), np.int32),
            self._zeros((2, quads), np.int64),
            self._zeros((self.tiles, rows, self._columns + LINE // dtype.itemsize), dtype),
        )

    @staticmethod
    def _zeros(shape: tuple[int, ...], dtype: Any) -> Array:
        return aligned(int(np.prod(shape)), dtype).reshape(shape)

    def take(self, network: Network) -> None:
        """Copy the network's weights in."""
        # Rows of padding are updated with the last pixels: what diverged there would stay.
        self._weights[:, network.sizes[0] :] = 0
        for tile, columns, weight in self._parts(network):
            self._weights[tile, : weight.shape[0], :columns] = weight

    def give(self, network: Network) -> None:
        """Copy them back."""
        for tile, columns, weight in self._parts(network):
            weight[...] = self._weights[tile, : weight.shape[0], :columns]

    def _parts(self, network: Network) -> Any:
        weight = network.layers[0].weight
        for tile in range(self.tiles):
            part = weight[:, tile * self._columns : (tile + 1) * self._columns]
            yield tile, part.shape[1], part
