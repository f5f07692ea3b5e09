"""When a product is exact in float64 in any order, checked at every step."""

import math
from collections.abc import Sequence

import numpy as np

from mnist_core.errors import ExactRangeError
from mnist_core.network import Layer, Network
from mnist_core.operators import Array, HostArray
from mnist_core.operators.dense_backward import through_activation
from mnist_core.precision import (
    ACTIVATION_BITS,
    GRADIENT_BITS,
    HASHED_BITS,
    PIXEL_BITS,
    SIGNIFICAND_BITS,
    WEIGHT_BITS,
    bits_needed,
)


def _require(bits: float, limit: int, grid: int, what: str) -> None:
    if not bits < limit:  # also NaN
        raise ExactRangeError(
            f"{what} needs {bits:.1f} bits, exact precision has {limit}: up to "
            f"2**{bits - grid:.1f} in multiples of 2**-{grid}; take a smaller learning rate, batch "
            "or network"
        )


class CheckedNetwork(Network):
    """A network in exact precision, on the host, that makes sure of it after every step.

    For backends that compose their steps: what a step passes through stands in the buffers.

    Raises
    ------
    ExactRangeError
        At the first step in which a sum could round; it names the tensor and the bits.
    """

    _step = 0

    def step(self, images: Array, labels: Array, index: Array, lr: float) -> Array:
        """As `Network.step`, then checked."""
        self._step += 1
        self._sums: dict[str, float] = {}
        losses = super().step(images, labels, index, lr)
        for i, layer in enumerate(self.layers):
            self._check_parameters(f"of layer {i} at step {self._step}", layer)
        return losses

    def _pass(self, images: Array, labels: Array, index: Array) -> Array:
        losses = super()._pass(images, labels, index)
        self._check(len(index))
        return losses

    def set_parameters(self, parameters: Sequence[tuple[HostArray, HostArray]]) -> None:
        """As `Network.set_parameters`; counts steps anew."""
        super().set_parameters(parameters)
        self._step = 0

    def _check(self, n: int) -> None:
        parameters = self.get_parameters()
        batch, to_host = self.buffers(n), self.backend.space.to_host
        inputs = [to_host(a) for a in (batch.x, *batch.activations)]
        for i, layer in enumerate(self.layers):
            x_bits = ACTIVATION_BITS if i else PIXEL_BITS
            out, grad = inputs[i + 1], to_host(batch.gradients[i])
            g = through_activation(out, grad, layer.activation)
            where = f"of layer {i} at step {self._step}"
            self._check_layer(where, inputs[i], x_bits, *parameters[i], g, first=i == 0)

    def _check_layer(
        self,
        where: str,
        x: HostArray,
        x_bits: int,
        weight: HostArray,
        bias: HostArray,
        g: HostArray,
        *,
        first: bool,
    ) -> None:
        forward = bits_needed(x, weight, x_bits, WEIGHT_BITS, bias)
        _require(forward, SIGNIFICAND_BITS, x_bits + WEIGHT_BITS, f"the output {where}")
        dw = bits_needed(x.T, g, x_bits, GRADIENT_BITS)
        self._require_sum(dw, x_bits + GRADIENT_BITS, f"the weight's gradient {where}")
        db = bits_needed(np.ones((1, len(g))), g, 0, GRADIENT_BITS)
        self._require_sum(db, GRADIENT_BITS, f"the bias's gradient {where}")
        if not first:
            dx = bits_needed(g, weight.T, GRADIENT_BITS, WEIGHT_BITS)
            _require(
                dx, SIGNIFICAND_BITS, GRADIENT_BITS + WEIGHT_BITS, f"the input's gradient {where}"
            )

    def _require_sum(self, bits: float, grid: int, what: str) -> None:
        """The same of a gradient to which every part of the batch adds its own."""
        self._sums[what] = float(np.logaddexp2(self._sums.get(what, -np.inf), bits))
        _require(self._sums[what], SIGNIFICAND_BITS, grid, what)

    def _check_parameters(self, where: str, layer: Layer) -> None:
        for name, parameter in (("weight", layer.weight), ("bias", layer.bias)):
            largest = float(np.abs(self.backend.space.to_host(parameter)).max(initial=0))
            bits = math.log2(largest) + WEIGHT_BITS if largest else 0.0
            _require(bits, HASHED_BITS, WEIGHT_BITS, f"the {name} {where}")
