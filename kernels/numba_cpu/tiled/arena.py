"""Where a network's numbers stand while it trains: one flat array, rows padded to whole vectors."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kernels.numba_cpu.tiled.target import VECTOR_BYTES
from mnist_core.network import Network

Array = Any

_LINE = 64

LAYER = np.dtype(
    [
        (name, np.int64)
        for name in (
            "inputs",
            "outputs",
            "width",  # outputs, padded
            "weight",  # places in the arena from here on
            "transposed",
            "partial",
            "bias",
            "partial_bias",
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
    raw = np.zeros(n * dtype.itemsize + _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + n * dtype.itemsize].view(dtype)


class Arena:
    """Parameters, activations and gradients of a network, for chunks of up to ``rows`` images.

    ``array`` holds them all; ``layers`` (of dtype `LAYER`) and ``parts`` say where.
    """

    def __init__(self, sizes: tuple[int, ...], dtype: str, rows: int) -> None:
        self._dtype = np.dtype(dtype)
        self._end = 0
        self.rows = rows
        self.parts = np.zeros(1, PARTS)[0]
        self.parts["zeros"] = self._place(self._padded(max(sizes)))
        self.parts["inputs"] = [self._place(rows * sizes[0]) for _ in range(2)]
        self.layers = np.zeros(len(sizes) - 1, LAYER)
        for layer, inputs, outputs in zip(self.layers, sizes[:-1], sizes[1:], strict=True):
            width = self._padded(outputs)
            layer["inputs"], layer["outputs"], layer["width"] = inputs, outputs, width
            layer["weight"] = self._place(inputs * width)
            layer["partial"] = self._place(inputs * width)
            layer["transposed"] = self._place(outputs * self._padded(inputs))
            layer["bias"], layer["partial_bias"] = self._place(width), self._place(width)
            layer["out"], layer["grad"] = self._place(rows * width), self._place(rows * width)
        self.array = aligned(self._end, dtype)

    def _padded(self, n: int) -> int:
        lanes = VECTOR_BYTES // self._dtype.itemsize
        return -(-n // lanes) * lanes

    def _place(self, n: int) -> int:
        start = self._end
        line = _LINE // self._dtype.itemsize
        self._end += -(-n // line) * line
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
        for layer, of in zip(self.layers[1:], network.layers[1:], strict=True):
            rows, width = layer["outputs"], self._padded(layer["inputs"])
            self._matrix(layer["transposed"], rows, width)[:, : layer["inputs"]] = of.weight.T

    def give(self, network: Network) -> None:
        """Copy the parameters back."""
        for here, there in self._copied(network):
            there[...] = here
