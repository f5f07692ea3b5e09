"""The parts of a training step that each rank does for its own images or its own columns."""

from typing import Any, NamedTuple

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

CHAIN = 8192
"""Images whose gradients are one chain of sums; a larger batch's chains are added up.

Of 60,000 images in one chain a bias was eight times as far from the truth as NumPy's.
"""


class Place(NamedTuple):
    """Where a chunk stands in the sums of its batch.

    Whether a chain of sums begins with it and ends with it, whether that is the batch's first one,
    and whether the batch ends.
    """

    opens: bool
    ends: bool
    first: bool
    closes: bool


@inlined()
def place_in_sums(begin: int, end: int, batch: int, n: int) -> Place:
    """Of the chunk of images ``begin`` to ``end``."""
    within, closes = begin % batch, end % batch == 0 or end == n
    return Place(within % CHAIN == 0, closes or end % batch % CHAIN == 0, within < CHAIN, closes)


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
    arena: Array, layer: Any, first: int, last: int, n: int, place: Place, lr: Any
) -> None:
    """Bias of columns ``first`` to ``last``, from n images of a chunk."""
    chain = arena[layer.partial_bias + first : layer.partial_bias + last]
    total = arena[layer.total_bias + first : layer.total_bias + last]
    if place.opens:
        chain[:] = 0
    for s in range(n):
        row = layer.grad + s * layer.step
        grad = arena[row + first : row + last]
        for j in range(chain.size):
            chain[j] += grad[j]
    if place.ends:
        for j in range(chain.size):
            total[j] = chain[j] if place.first else total[j] + chain[j]
    if place.closes:
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
    place: Place,
    lr: Any,
) -> None:
    """Weights w of rows ``top`` to ``bottom``, columns ``first`` to ``last``, from n images.

    The gradient of a batch in several chunks is summed up before it is applied.
    """
    rows, columns = bottom - top, last - first
    grad, x = part(gradients(arena, layer), 0, first), part(x, 0, top)
    zero, w = Matrix(arena, zeros, 0), part(w, top, first)
    partial = part(Matrix(arena, layer.partial, layer.width), top, first)
    total = part(Matrix(arena, layer.total, layer.width), top, first)
    start, base, result, factor = partial, zero, partial, arena.dtype.type(1)
    if place.opens:
        start = zero
    if place.closes and place.first:
        base, result, factor = w, w, -lr
    elif place.ends:
        result = total
        if not place.first:
            base = total
    weight_gradient(rows, columns, arena, x, grad, start, base, result, n, factor)
    if place.closes and not place.first:
        weight_gradient(rows, columns, arena, x, grad, total, w, w, 0, -lr)


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
    place: Place,
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
        update_weights(arena, zeros, layer, w, x, top, bottom, 0, layer.width, n, place, lr)
        if place.closes:
            transpose(arena, layer, below.width, top, bottom)
        first, last = share(layer.width, lanes(arena), rank, ranks)
        update_bias(arena, layer, first, last, n, place, lr)
