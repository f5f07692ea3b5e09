"""A whole epoch in one compiled function: dense products by register tiles."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import called, inlined
from kernels.numba_cpu.tiled.instructions import prefetch
from kernels.numba_cpu.tiled.phases import (
    batch_size,
    bias,
    chunk_end,
    outputs,
    place_in_sums,
    through_the_rest,
    update_bias,
    update_from_second,
    update_weights,
)
from kernels.numba_cpu.tiled.products import Matrix, forward, lanes, part
from kernels.numba_cpu.tiled.region import barrier, on_all_ranks, share

Array = Any

_AHEAD = 4
"""Images whose pixels are asked for before they are needed."""

_LINE = 64

_PIXEL = 1 / 255


@inlined()
def normalise(pixels: Array, out: Array) -> None:
    """out = pixels / 255, correctly rounded."""
    for k in range(pixels.size):
        if out.itemsize == 4:
            # A product of double the digits rounds to the quotient, and is far faster.
            out[k] = pixels[k] * _PIXEL
        else:
            out[k] = pixels[k] / 255


@inlined()
def gather(images: Array, order: Array, arena: Array, x: int) -> None:
    """Images (n, features) of ``order``, normalised, in rows from place x of the arena on."""
    features = images.shape[1]
    for s in range(order.size):
        if s + _AHEAD < order.size:
            for k in range(0, features, _LINE):
                prefetch(images, order[s + _AHEAD] * features + k)
        row = x + s * features
        normalise(images[order[s]], arena[row : row + features])


@called()
def _train(
    rank: int,
    ranks: int,
    shared: Array,
    first: Array,
    arena: Array,
    parts: Any,
    layers: Array,
    images: Array,
    labels: Array,
    order: Array,
    batch: int,
    chunk: int,
    lr: Any,
    losses: Array,
) -> None:
    """Steps of gradient descent over ``order``; the ranks share the work of each.

    Of the first layer a rank has some columns, for all images: its weights never cross cores. Of
    the others it has some images, then some rows of weights.
    """
    n, first_layer = order.size, layers[0]
    w = Matrix(first, 0, first_layer.width)
    left, right = share(first_layer.width, lanes(arena), rank, ranks)
    begin, end, turn = 0, chunk_end(0, batch, chunk, n), 0
    top, bottom = share(end, 1, rank, ranks)
    gather(images, order[top:bottom], arena, parts.inputs[0] + top * first_layer.inputs)
    barrier(shared, ranks)
    while begin < n:
        rows = end - begin
        x = Matrix(arena, parts.inputs[turn], first_layer.inputs)
        forward(
            rows,
            right - left,
            arena,
            x,
            part(w, 0, left),
            part(bias(arena, first_layer), 0, left),
            part(outputs(arena, first_layer), 0, left),
            first_layer.inputs,
            layers.size > 1,
        )
        barrier(shared, ranks)
        top, bottom = share(rows, 1, rank, ranks)
        scale = 1 / arena.dtype.type(batch_size(begin, batch, n))
        through_the_rest(
            arena, layers, labels, order[begin:end], top, bottom, scale, losses[begin:end]
        )
        after = chunk_end(end, batch, chunk, n)
        top, bottom = share(after - end, 1, rank, ranks)
        ahead = parts.inputs[1 - turn] + top * first_layer.inputs
        gather(images, order[end + top : end + bottom], arena, ahead)
        barrier(shared, ranks)
        place = place_in_sums(begin, end, batch, n)
        update_weights(
            arena,
            parts.zeros,
            first_layer,
            w,
            x,
            0,
            first_layer.inputs,
            left,
            right,
            rows,
            place,
            lr,
        )
        update_bias(arena, first_layer, left, right, rows, place, lr)
        update_from_second(arena, parts.zeros, layers, left, right, rank, ranks, rows, place, lr)
        begin, end, turn = end, after, 1 - turn


@compiled(nogil=True)
def train(
    shared: Array,
    ranks: int,
    first: Array,
    arena: Array,
    parts: Any,
    layers: Array,
    images: Array,
    labels: Array,
    order: Array,
    batch: int,
    chunk: int,
    lr: Any,
    losses: Array,
) -> None:
    """Steps of gradient descent over ``order``; the losses (n,) of its images as they arise.

    ``first`` has the first layer's weights; all else stands in the arena.
    """
    arguments = (first, arena, parts, layers, images, labels, order, batch, chunk, lr, losses)
    on_all_ranks(shared, ranks, _train, arguments)
