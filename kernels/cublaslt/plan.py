"""The products of a network for one size of batch, planned once and kept with the network."""

from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

from kernels.cublaslt.product import Product
from mnist_core.arrays import Space

Array = Any

MASK_BITS = 128
"""What the rows of a mask are rounded up to."""

_plans: WeakKeyDictionary[Any, dict[int, "Plan"]] = WeakKeyDictionary()


class Plan:
    """Products of the layers for one batch, and the masks that go from forward to backward.

    A hidden layer's bias gradient comes with the product that passes the gradient down to it, the
    last layer's with its weights' gradient.
    """

    def __init__(self, network: Any, batch: Any) -> None:
        space, layers = network.backend.space, network.layers
        self.batch = batch
        self._inputs = [batch.x, *batch.activations]
        self._masks = [mask(space, out) for out in batch.activations[:-1]]
        self.forward = [self._forward(space, i, layer) for i, layer in enumerate(layers)]
        self._backward: tuple[list[Product], list[Product]] | None = None

    def _forward(self, space: Space, i: int, layer: Any) -> Product:
        hidden = i < len(self._masks)
        return Product(
            space,
            self._inputs[i],
            layer.weight,
            self.batch.activations[i],
            "RELU_AUX_BIAS" if hidden else "BIAS",
            vector=layer.bias,
            mask=self._masks[i] if hidden else None,
        )

    def backward(self, network: Any) -> tuple[list[Product], list[Product]]:
        """Products for the gradients of each layer's weight, and of each but the first's input."""
        if self._backward is None:
            space, layers = network.backend.space, network.layers
            weights = [self._to_weight(space, i, layer) for i, layer in enumerate(layers)]
            inputs = [
                self._to_input(space, i, below, layer)
                for i, (below, layer) in enumerate(pairwise(layers))
            ]
            self._backward = weights, inputs
        return self._backward

    def _to_weight(self, space: Space, i: int, layer: Any) -> Product:
        last = i == len(self._masks)
        return Product(
            space,
            self._inputs[i],
            self.batch.gradients[i],
            layer.grad_weight,
            "BGRADA" if last else "DEFAULT",
            transposed="left",
            vector=layer.grad_bias if last else None,
        )

    def _to_input(self, space: Space, i: int, below: Any, layer: Any) -> Product:
        return Product(
            space,
            self.batch.gradients[i + 1],
            layer.weight,
            self.batch.gradients[i],
            "DRELU_BGRAD",
            transposed="right",
            vector=below.grad_bias,
            mask=self._masks[i],
        )


def mask(space: Space, out: Array) -> Array:
    """Room for a bit for each element of ``out``, in rows of whole `MASK_BITS`."""
    rows, columns = out.shape
    return space.empty((rows, -(-columns // MASK_BITS) * MASK_BITS // 8), "uint8")


def plan(network: Any, n: int) -> Plan:
    """The plan for a batch of n, made anew when the network has other buffers than it was for."""
    batch, plans = network.buffers(n), _plans.setdefault(network, {})
    found = plans.get(n)
    if found is None or found.batch is not batch:
        for size in [size for size in plans if network.buffers(size) is not plans[size].batch]:
            del plans[size]
        found = plans[n] = Plan(network, batch)
    return found
