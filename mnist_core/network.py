"""The network: a multilayer perceptron with ReLU, softmax and cross-entropy, for any backend."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from mnist_core.backends import Backend
from mnist_core.errors import NetworkError
from mnist_core.operators import Array, HostArray
from mnist_core.operators.values import layer_shapes
from mnist_core.precision import FLOAT32, Precision

_F = TypeVar("_F", bound=Callable[..., Any])

_ALIGNMENT = 16
"""Elements to which each parameter's place is rounded up: 64 bytes of float32, a cache line."""


PART = 8192
"""Images at most that pass through together: a larger batch does so in parts, in the memory of
one.
"""


@dataclass(frozen=True)
class Layer:
    """Parameters of one dense layer, their gradients, and its activation's name."""

    weight: Array
    bias: Array
    grad_weight: Array
    grad_bias: Array
    activation: str


@dataclass(frozen=True)
class Buffers:
    """What one batch passes through: a batch of inputs and each layer's output and gradient."""

    x: Array
    labels: Array
    activations: list[Array]
    gradients: list[Array]
    losses: Array

    def head(self, n: int) -> "Buffers":
        """Views of the first n rows."""
        return Buffers(
            self.x[:n, ...],
            self.labels[:n],
            [a[:n, ...] for a in self.activations],
            [a[:n, ...] for a in self.gradients],
            self.losses[:n],
        )


def initial_parameters(
    sizes: Sequence[int], seed: int = 0, scale: float | None = None
) -> list[tuple[HostArray, HostArray]]:
    """Weight (in, out) and zero bias (out,) of each layer as float64, the same for every backend.

    Weights are normal, times ``scale`` or, by default, He's sqrt(2 / in) (He et al. 2015,
    https://arxiv.org/abs/1502.01852). They come from `numpy.random.RandomState`, whose stream is
    frozen across NumPy versions.
    """
    rng = np.random.RandomState(seed)
    parameters = []
    for n_in, n_out, _ in layer_shapes(sizes):
        factor = np.sqrt(2 / n_in) if scale is None else scale
        parameters.append((rng.standard_normal((n_in, n_out)) * factor, np.zeros(n_out)))
    return parameters


def parse_sizes(text: str) -> tuple[int, ...]:
    """Layer sizes from text such as "784-128-64-10"; `NetworkError` if it is none."""
    try:
        sizes = tuple(int(part) for part in text.split("-"))
    except ValueError:
        sizes = ()
    if len(sizes) < 2 or min(sizes) < 1:
        raise NetworkError(
            f"network {text!r}: give at least two positive layer sizes, such as 784-128-64-10"
        )
    return sizes


def level(composed: _F) -> _F:
    """Mark a method that a backend may take over as a whole."""
    name = composed.__name__

    @wraps(composed)
    def dispatch(self: "Network", *args: Any, **kwargs: Any) -> Any:
        over = self.take_overs.get(name)
        return composed(self, *args, **kwargs) if over is None else over(self, *args, **kwargs)

    return cast(_F, dispatch)


class Network:
    """Layers of sizes ``sizes[0] - sizes[1] - ...`` on a backend.

    All parameters stand in one array ``parameters`` and their gradients in one array ``gradient``;
    the layers hold views of them. The padding between them stays zero.

    Parameters
    ----------
    sizes
        Number of inputs, hidden units and classes.
    backend
        What computes.
    precision
        dtype of parameters and activations.
    initial
        Weight and bias of each layer, on the host; `initial_parameters` of seed 0 if not given.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        backend: Backend,
        *,
        precision: Precision = FLOAT32,
        initial: Sequence[tuple[HostArray, HostArray]] | None = None,
    ) -> None:
        self.sizes = tuple(sizes)
        self.backend = backend = backend.computing_in(precision)
        self.precision = precision
        self.take_overs = {
            name: over.function
            for name in ("forward", "backward", "step", "epoch")
            if (over := backend.take_over(name)) is not None
        }
        self._allocate_parameters()
        self._buffers: dict[int, Buffers] = {}
        self._epoch_losses = backend.space.empty((0,), precision.dtype)
        self.set_parameters(initial_parameters(sizes) if initial is None else initial)

    def _allocate_parameters(self) -> None:
        ends, end = [], 0
        for n_in, n_out, _ in layer_shapes(self.sizes):
            for size in (n_in * n_out, n_out):
                ends.append((end, end + size))
                end += -(-size // _ALIGNMENT) * _ALIGNMENT
        space = self.backend.space
        zeros = np.zeros(end, self.precision.dtype)
        self.parameters = space.to_device(zeros)
        self.gradient = space.to_device(zeros)
        self._ends = ends
        self.layers = list(self._layers())

    def _layers(self) -> Iterator[Layer]:
        reshape = self.backend.space.xp.reshape
        for i, (n_in, n_out, activation) in enumerate(layer_shapes(self.sizes)):
            (w0, w1), (b0, b1) = self._ends[2 * i : 2 * i + 2]
            yield Layer(
                reshape(self.parameters[w0:w1], (n_in, n_out)),
                self.parameters[b0:b1],
                reshape(self.gradient[w0:w1], (n_in, n_out)),
                self.gradient[b0:b1],
                activation,
            )

    def set_parameters(self, parameters: Sequence[tuple[HostArray, HostArray]]) -> None:
        """Copy weights and biases from the host, rounded to the network's precision."""
        flat = np.zeros(self.parameters.shape, self.precision.dtype)
        values = [a for pair in parameters for a in pair]
        for (start, stop), value in zip(self._ends, values, strict=True):
            flat[start:stop] = value.reshape(-1)
        self.parameters[...] = self.backend.space.to_device(self.precision.rounded(flat))

    def get_parameters(self) -> list[tuple[HostArray, HostArray]]:
        """Weight and bias of each layer, copied to the host."""
        to_host = self.backend.space.to_host
        return [(to_host(layer.weight), to_host(layer.bias)) for layer in self.layers]

    def get_gradients(self) -> list[tuple[HostArray, HostArray]]:
        """Gradient of each layer's weight and bias, copied to the host."""
        to_host = self.backend.space.to_host
        return [(to_host(layer.grad_weight), to_host(layer.grad_bias)) for layer in self.layers]

    def buffers(self, n: int) -> Buffers:
        """Buffers for a batch of n rows; smaller batches are views of the largest so far."""
        found = self._buffers.get(n)
        if found is None:
            if n > max(self._buffers, default=0):
                self._buffers = {n: self._allocate_buffers(n)}
            found = self._buffers[n] = self._buffers[max(self._buffers)].head(n)
        return found

    def _allocate_buffers(self, n: int) -> Buffers:
        dtype, empty = self.precision.dtype, self.backend.space.empty
        return Buffers(
            empty((n, self.sizes[0]), dtype),
            empty((n,), "int64"),
            [empty((n, size), dtype) for size in self.sizes[1:]],
            [empty((n, size), dtype) for size in self.sizes[1:]],
            empty((n,), dtype),
        )

    def losses(self, n: int) -> Array:
        """Array for the loss of each of n images, reused from epoch to epoch."""
        if self._epoch_losses.shape[0] != n:
            self._epoch_losses = self.backend.space.empty((n,), self.precision.dtype)
        return self._epoch_losses

    @level
    def forward(self, x: Array) -> Array:
        """Logits (n, classes) of a batch x (n, features), in a buffer that the next call reuses."""
        for layer, out in zip(self.layers, self.buffers(x.shape[0]).activations, strict=True):
            self.backend.dense(x, layer.weight, layer.bias, out, activation=layer.activation)
            x = out
        return x

    @level
    def backward(self, x: Array, labels: Array) -> Array:
        """Gradients of the mean loss of the batch that ``forward`` saw last; losses (n,)."""
        batch = self.buffers(x.shape[0])
        inputs = [x, *batch.activations]
        gradients = [None, *batch.gradients]
        self.backend.softmax_cross_entropy(inputs[-1], labels, batch.losses, gradients[-1])
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            self.backend.dense_backward(
                inputs[i],
                layer.weight,
                inputs[i + 1],
                gradients[i + 1],
                layer.grad_weight,
                layer.grad_bias,
                gradients[i],
                activation=layer.activation,
            )
        return batch.losses

    @level
    def step(self, images: Array, labels: Array, index: Array, lr: float) -> Array:
        """One step of gradient descent on images[index]; losses (n,) before it.

        ``lr`` is the learning rate as `Precision.rate` gives it.
        """
        if index.shape[0] > PART:
            losses = self._in_parts(images, labels, index)
        else:
            losses = self._pass(images, labels, index)
        self.backend.sgd(self.parameters, self.gradient, lr=lr)
        return losses

    def _pass(self, images: Array, labels: Array, index: Array) -> Array:
        """Gradient of images[index], forward and backward; losses (n,)."""
        batch = self.buffers(index.shape[0])
        self.backend.gather_batch(images, labels, index, batch.x, batch.labels)
        self.forward(batch.x)
        return self.backward(batch.x, batch.labels)

    def _in_parts(self, images: Array, labels: Array, index: Array) -> Array:
        """As `_pass`, a part at a time; in exact precision to the same bits."""
        space, n = self.backend.space, index.shape[0]
        xp, losses = space.xp, self.losses(n)
        total = space.scratch_like("sum over parts", self.gradient)
        total[...] = 0
        for start in range(0, n, PART):
            stop = min(start + PART, n)
            losses[start:stop] = self._pass(images, labels, index[start:stop])
            weight = self.precision.weight_of_part(stop - start, n)
            xp.multiply(self.gradient, weight, out=self.gradient)
            xp.add(total, self.gradient, out=total)
        self.gradient[...] = total
        return losses

    @level
    def epoch(self, images: Array, labels: Array, order: Array, batch: int, lr: float) -> Array:
        """One step for each ``batch`` entries of ``order``; losses (len(order),) as they arose."""
        n = order.shape[0]
        losses = self.losses(n)
        for start in range(0, n, batch):
            stop = min(start + batch, n)
            losses[start:stop] = self.step(images, labels, order[start:stop], lr)
        return losses
