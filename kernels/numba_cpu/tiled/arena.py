"""Where a network's numbers stand while it trains: one flat array, rows padded to whole vectors."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels.numba_cpu.tiled.target import VECTOR_BYTES
from mnist_core.network import Network

Array = Any

LINE = 64
"""Bytes of a cache line."""

LAYER = np.dtype(
    [
        (name, np.int64)
        for name in (
            "inputs",
            "outputs",
            "width",  # outputs, padded to whole vectors
            "step",  # from an image's outputs to the next one's
            "weight",  # places in the arena from here on
            "transposed",
            "partial",  # of its weights the sums of a chain, and of all chains of a batch
            "total",
            "bias",
            "partial_bias",
            "total_bias",
            "out",
            "grad",
        )
    ]
)
"""Of each layer its sizes and places."""

PARTS = np.dtype([("zeros", np.int64), ("inputs", np.int64, (2,))])
"""Places of a row of zeros, and of the inputs of this chunk and of the next one."""


def aligned(n: int, dtype: Any) -> Array:
    """Zeros that begin on a cache line."""
    dtype = np.dtype(dtype)
    raw = np.zeros(n * dtype.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + n * dtype.itemsize].view(dtype)


class Arena:
    """Parameters, activations and gradients of a network, for chunks of up to ``rows`` images.

    ``array`` holds them all; ``layers`` (of dtype `LAYER`) and ``parts`` say where. The first
    layer's outputs are padded to a whole number of ``columns`` vectors.
    """

    def __init__(self, sizes: tuple[int, ...], dtype: str, rows: int, columns: int = 1) -> None:
        self._dtype = np.dtype(dtype)
        self._end = 0
        self.rows = rows
        self.parts = np.zeros(1, PARTS)[0]
        widths = [self._padded(n) for n in sizes]
        widths[1] = self._padded(sizes[1], columns)
        self.parts["zeros"] = self._place(max(widths))
        self.parts["inputs"] = [self._place(rows * sizes[0]) for _ in range(2)]
        self.layers = np.zeros(len(sizes) - 1, LAYER)
        for i, layer in enumerate(self.layers):
            width, step = widths[i + 1], self._step(widths[i + 1])
            layer["inputs"], layer["outputs"] = sizes[i : i + 2]
            layer["width"], layer["step"] = width, step
            size = widths[i] * width
            layer["weight"], layer["partial"] = self._place(size), self._place(size)
            layer["total"], layer["transposed"] = self._place(size), self._place(size)
            layer["bias"], layer["partial_bias"] = self._place(width), self._place(width)
            layer["total_bias"] = self._place(width)
            layer["out"], layer["grad"] = self._place(rows * step), self._place(rows * step)
        self.array = aligned(self._end, dtype)

    def _padded(self, n: int, vectors: int = 1) -> int:
        unit = vectors * VECTOR_BYTES // self._dtype.itemsize
        return -(-n // unit) * unit

    def _lines(self, n: int) -> int:
        """Cache lines that so many elements fill."""
        return -(-n * self._dtype.itemsize // LINE)

    def _step(self, width: int) -> int:
        """An odd number of lines: some columns of all rows then spread over the whole cache."""
        return (self._lines(width) | 1) * LINE // self._dtype.itemsize

    def _place(self, n: int) -> int:
        start = self._end
        self._end += self._lines(n) * LINE // self._dtype.itemsize
        return start

    def _matrix(self, place: int, rows: int, width: int) -> Array:
        return self.array[place : place + rows * width].reshape(rows, width)

    def first_weights(self, network: Network) -> Array:
        """The first layer's weights, flat: the network's own unless its rows need padding.

        They are most of all parameters: a step that copied them would do little else.
        """
        layer = self.layers[0]
        if layer["width"] == layer["outputs"]:
            return network.layers[0].weight.reshape(-1)
        return self.array[layer["weight"] : layer["weight"] + layer["inputs"] * layer["width"]]

    def _copied(self, network: Network) -> Iterator[tuple[Array, Array]]:
        """Parameters here and those of the network that they are copies of."""
        for number, (layer, of) in enumerate(zip(self.layers, network.layers, strict=True)):
            if number or layer["width"] != layer["outputs"]:
                rows, width = layer["inputs"], layer["width"]
                weight = self._matrix(layer["weight"], rows, width)[:, : layer["outputs"]]
                yield weight, of.weight
            yield self.array[layer["bias"] : layer["bias"] + layer["outputs"]], of.bias

    def take(self, network: Network) -> None:
        """Copy the network's parameters in."""
        for here, there in self._copied(network):
            here[...] = there
        for i in range(1, len(self.layers)):
            layer, weight = self.layers[i], network.layers[i].weight
            turned = self._matrix(
                layer["transposed"], layer["outputs"], self.layers[i - 1]["width"]
            )
            turned[:, : layer["inputs"]] = weight.T

    def give(self, network: Network) -> None:
        """Copy the parameters back."""
        for here, there in self._copied(network):
            there[...] = here
