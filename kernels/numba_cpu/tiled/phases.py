"""The parts of a training step that each rank does for its own images or its own columns."""

from typing import Any

import numpy as np

from kernels.numba_cpu.tiled.exponential import exponentials
from kernels.numba_cpu.tiled.inner import called, inlined
from kernels.numba_cpu.tiled.products import (
    Matrix,
    forward,
    input_gradient,
    lanes,
    part,
    weight_gradient,
)
from kernels.numba_cpu.tiled.region import share
from kernels.numba_cpu.tiled.tile import square, store, transposed

Array = Any


@inlined()
def chunk_end(begin: int, batch: int, chunk: int, n: int) -> int:
    """End of the chunk that begins there: no more images than ``chunk``, all of one batch."""
    return min(begin + chunk, (begin // batch + 1) * batch, n)


@inlined()
def batch_size(begin: int, batch: int, n: int) -> int:
    """Images of the batch that an image belongs to."""
    return min(batch, n - begin // batch * batch)


@inlined()
def weights(arena: Array, layer: Any) -> Matrix:
    return Matrix(arena, layer.weight, layer.width)


@inlined()
def bias(arena: Array, layer: Any) -> Matrix:
    return Matrix(arena, layer.bias, 0)


@inlined()
def outputs(arena: Array, layer: Any) -> Matrix:
    """A layer's outputs, a row an image of the chunk."""
    return Matrix(arena, layer.out, layer.step)


@inlined()
def gradients(arena: Array, layer: Any) -> Matrix:
    """Gradients before a layer's activation, a row an image of the chunk."""
    return Matrix(arena, layer.grad, layer.step)


@inlined()
def forward_from_second(arena: Array, layers: Array, first: int, last: int) -> None:
    """All layers but the first, for images ``first`` to ``last`` of the chunk."""
    for number in range(1, layers.size):
        layer, below = layers[number], layers[number - 1]
        forward(
            last - first,
            layer.width,
            arena,
            part(outputs(arena, below), first, 0),
            weights(arena, layer),
            bias(arena, layer),
            part(outputs(arena, layer), first, 0),
            layer.inputs,
            number < layers.size - 1,
        )


@inlined()
def cross_entropy(arena: Array, layer: Any, row: int, label: int, scale: float) -> Any:
    """Loss of one image; its gradient, times ``scale``, goes to the layer's gradients."""
    z, g = layer.out + row * layer.step, layer.grad + row * layer.step
    logits, grad = arena[z : z + layer.width], arena[g : g + layer.width]
    top = logits[0]
    for j in range(1, layer.outputs):
        top = max(top, logits[j])
    # Whole vectors, padding and all: it is left out of the sum, and 0 in the end.
    exponentials(logits, top, grad)
    grad[layer.outputs :] = 0
    total = grad[0]
    for j in range(1, layer.outputs):
        total += grad[j]
    for j in range(grad.size):
        grad[j] = grad[j] / total * scale
    grad[label] -= scale
    return np.log(total) - (logits[label] - top)


@inlined()
def input_gradients(arena: Array, layers: Array, first: int, last: int) -> None:
    """Gradients of all layers below the last, for images ``first`` to ``last`` of the chunk."""
    for number in range(layers.size - 1, 0, -1):
        layer, below = layers[number], layers[number - 1]
        input_gradient(
            last - first,
            below.width,
            arena,
            part(gradients(arena, layer), first, 0),
            Matrix(arena, layer.transposed, below.width),
            part(outputs(arena, below), first, 0),
            part(gradients(arena, below), first, 0),
            layer.outputs,
        )


@called()
def through_the_rest(
    arena: Array,
    layers: Array,
    labels: Array,
    order: Array,
    first: int,
    last: int,
    scale: Any,
    losses: Array,
) -> None:
    """From the first layer's outputs to its gradients, for images ``first`` to ``last``."""
    forward_from_second(arena, layers, first, last)
    for s in range(first, last):
        losses[s] = cross_entropy(arena, layers[layers.size - 1], s, labels[order[s]], scale)
    input_gradients(arena, layers, first, last)


@inlined()
def update_bias(
    arena: Array, layer: Any, first: int, last: int, n: int, opens: bool, closes: bool, lr: Any
) -> None:
    """Bias of columns ``first`` to ``last``, from n images of a chunk."""
    total = arena[layer.partial_bias + first : layer.partial_bias + last]
    if opens:
        total[:] = 0
    for s in range(n):
        row = layer.grad + s * layer.step
        grad = arena[row + first : row + last]
        for j in range(total.size):
            total[j] += grad[j]
    if closes:
        values = arena[layer.bias + first : layer.bias + last]
        for j in range(total.size):
            values[j] -= lr * total[j]


@inlined()
def update_weights(
    arena: Array,
    zeros: int,
    layer: Any,
    w: Matrix,
    x: Matrix,
    top: int,
    bottom: int,
    first: int,
    last: int,
    n: int,
    opens: bool,
    closes: bool,
    lr: Any,
) -> None:
    """Weights w of rows ``top`` to ``bottom``, columns ``first`` to ``last``, from n images.

    The gradient of a batch in several chunks is summed up before it is applied.
    """
    grad = part(gradients(arena, layer), 0, first)
    zero = Matrix(arena, zeros, 0)
    partial = part(Matrix(arena, layer.partial, layer.width), top, first)
    w = part(w, top, first)
    start, base, result, factor = partial, zero, partial, -lr
    if opens:
        start = zero
    if closes:
        base, result = w, w
    else:
        factor = arena.dtype.type(1)
    x = part(x, 0, top)
    weight_gradient(bottom - top, last - first, arena, x, grad, start, base, result, n, factor)


@inlined()
def transpose(arena: Array, layer: Any, width: int, top: int, bottom: int) -> None:
    """Bring the transposed weights up to date with rows ``top`` to ``bottom`` of the weights."""
    size = lanes(arena)
    for k in range(top, bottom, size):
        for j in range(0, layer.width, size):
            block = square(arena, layer.weight + k * layer.width + j, layer.width)
            store(transposed(block), arena, layer.transposed + j * width + k, width)


@called()
def update_from_second(
    arena: Array,
    zeros: int,
    layers: Array,
    left: int,
    right: int,
    rank: int,
    ranks: int,
    n: int,
    opens: bool,
    closes: bool,
    lr: Any,
) -> None:
    """A rank's rows of all weights but the first layer's, and its columns of their biases.

    Of the second layer's weights the rows are those of the rank's own columns of the first layer,
    ``left`` to ``right``: their inputs may be overwritten as soon as the rank itself is done.
    """
    for number in range(1, layers.size):
        layer, below = layers[number], layers[number - 1]
        top, bottom = share(layer.inputs, lanes(arena), rank, ranks)
        if number == 1:
            top, bottom = min(left, layer.inputs), min(right, layer.inputs)
        w, x = weights(arena, layer), outputs(arena, below)
        update_weights(arena, zeros, layer, w, x, top, bottom, 0, layer.width, n, opens, closes, lr)
        if closes:
            transpose(arena, layer, below.width, top, bottom)
        first, last = share(layer.width, lanes(arena), rank, ranks)
        update_bias(arena, layer, first, last, n, opens, closes, lr)
