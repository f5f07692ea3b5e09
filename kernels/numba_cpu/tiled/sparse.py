"""A whole epoch in one compiled function that leaves out the first layer's products with zeros.

Four neighbouring pixels go together: for each four there is a list of the images of the chunk in
which not all of them are 0, and of the others no product is made, forward or for the gradient. The
four rows of weights, or of their gradient, are in registers meanwhile.

Pixels stay bytes; what they are worth comes from a table. The first layer's weights stand in tiles
of some columns, which a core's cache holds, and each rank has tiles of its own.
"""

from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import called, inlined
from kernels.numba_cpu.tiled.instructions import nonzero_bytes, prefetch
from kernels.numba_cpu.tiled.phases import (
    Place,
    batch_size,
    bias,
    chunk_end,
    outputs,
    place_in_sums,
    through_the_rest,
    update_bias,
    update_from_second,
)
from kernels.numba_cpu.tiled.products import Matrix, at, lanes, part
from kernels.numba_cpu.tiled.region import barrier, on_all_ranks, share
from kernels.numba_cpu.tiled.tile import (
    fma_of_bytes,
    fma_of_rows,
    load,
    relu,
    scaled_sum,
    store,
    zeros,
)

Array = Any

COLUMNS = 4
"""Vectors that a tile of weights is wide: 200 KB for 784 pixels, with the widest vectors."""

QUAD = 4
"""Pixels that go together: their rows of weights are in registers at once."""

WORD = 64
"""Pixels whose being 0 or not is one number; images are padded to a whole number of words."""

_QUADS = WORD // QUAD
_QUAD_BITS = np.uint64(2**QUAD - 1)
_FIRST_OF_QUAD = 0x1111111111111111


@inlined()
def quads_of(mask: Any) -> Any:
    """Of every four bits the lowest one, set if any of them is."""
    halves = mask | mask >> np.uint64(1)
    return (halves | halves >> np.uint64(2)) & np.uint64(_FIRST_OF_QUAD)


@compiled(nogil=True)
def share_left(images: Array, step: int) -> float:
    """Of every step-th image's pixels the share that is in a four of which not all are 0."""
    padded = np.zeros((images.shape[1] + WORD - 1) // WORD * WORD, np.uint8)
    counted, found = 0, 0
    for i in range(0, images.shape[0], step):
        padded[: images.shape[1]] = images[i]
        for word in range(0, padded.size, WORD):
            quads = quads_of(nonzero_bytes(padded, word))
            while quads:
                quads &= quads - np.uint64(1)
                found += 1
        counted += images.shape[1]
    return found * QUAD / counted


@called()
def _gather(images: Array, order: Array, pixels: Array, masks: Array, first: int) -> None:
    """Images of ``order`` to rows of pixels, and where they are not 0 to columns of masks."""
    every, width = pixels.reshape(-1), pixels.shape[1]
    for i in range(order.size):
        s = first + i
        source, target = images[order[i]], pixels[s]
        for k in range(source.size):
            target[k] = source[k]
        for word in range(masks.shape[0]):
            masks[word, s] = nonzero_bytes(every, s * width + word * WORD)


@called()
def _list_images(
    masks: Array, first: int, last: int, rows: int, lists: Array, counts: Array
) -> None:
    """Of words ``first`` to ``last``, for each four pixels the images where not all are 0."""
    for quad in range(first * _QUADS, last * _QUADS):
        mask, images = masks[quad // _QUADS], lists[quad]
        shift, found = np.uint64(quad % _QUADS * QUAD), np.uint64(0)
        for s in range(rows):
            # Each image is written, and overwritten if it was none: nothing to be mispredicted.
            images[found] = s
            found += np.uint64((mask[s] >> shift) & _QUAD_BITS != 0)
        counts[quad] = found


@called()
def _forward_tile(
    pixels: Array,
    lists: Array,
    counts: Array,
    rows: int,
    table: Array,
    w: Array,
    tile: int,
    sums: Array,
    start: Matrix,
    out: Matrix,
    rectified: bool,
) -> None:
    """One column tile of the outputs, summed up where no other rank reads or writes."""
    columns, every, width = COLUMNS * lanes(w), pixels.reshape(-1), pixels.shape[1]
    total, step = sums.reshape(-1), sums.shape[1]
    bias = load(1, COLUMNS, start.array, start.place, 0)
    for s in range(rows):
        store(bias, total, s * step, step)
    for quad in range(counts.size):
        images = lists[quad]
        these = load(QUAD, COLUMNS, w, tile + quad * QUAD * columns, columns)
        for i in range(counts[quad]):
            s = np.int64(images[i])
            acc = load(1, COLUMNS, total, s * step, step)
            acc = fma_of_rows(acc, table, every, s * width + quad * QUAD, these)
            store(acc, total, s * step, step)
    for s in range(rows):
        acc = load(1, COLUMNS, total, s * step, step)
        if rectified:
            acc = relu(acc)
        store(acc, out.array, at(out, s, 0), step)


@called()
def _update_tile(
    pixels: Array,
    lists: Array,
    counts: Array,
    table: Array,
    arena: Array,
    grad: int,
    step: int,
    w: Array,
    partial: Array,
    total: Array,
    tile: int,
    place: Place,
    lr: Any,
    images_ahead: Array,
    ahead: Array,
) -> None:
    """One column tile of weights, all rows; a batch in several chunks is summed up first.

    Images ``ahead``, which will be gathered next, are asked for on the way, a few lines at a time.
    """
    columns, every, width = COLUMNS * lanes(arena), pixels.reshape(-1), pixels.shape[1]
    words, features = width // WORD, images_ahead.shape[1]
    asked, lines = 0, ahead.size * words
    for quad in range(counts.size):
        while asked < lines * (quad + 1) // counts.size:
            image, word = ahead[asked // words], asked % words
            prefetch(images_ahead, image * features + word * WORD)
            asked += 1
        count, at_quad = counts[quad], tile + quad * QUAD * columns
        if place.opens:
            if place.closes and place.first and count == 0:
                continue
            acc = zeros(QUAD, COLUMNS, arena)
        else:
            acc = load(QUAD, COLUMNS, partial, at_quad, columns)
        images = lists[quad]
        for i in range(count):
            s = np.int64(images[i])
            acc = fma_of_bytes(
                acc, table, every, s * width + quad * QUAD, 1, arena, grad + s * step
            )
        if place.ends and not place.first:
            before = load(QUAD, COLUMNS, total, at_quad, columns)
            acc = scaled_sum(before, arena.dtype.type(1), acc)
        if place.closes:
            under = load(QUAD, COLUMNS, w, at_quad, columns)
            store(scaled_sum(under, -lr, acc), w, at_quad, columns)
        else:
            store(acc, total if place.ends else partial, at_quad, columns)


@called()
def _train(
    rank: int,
    ranks: int,
    shared: Array,
    first: Any,
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
    """Steps of gradient descent over ``order``, shared as in the dense ones."""
    n, layer, columns = order.size, layers[0], COLUMNS * lanes(arena)
    w, partial, total, table, all_pixels, masks, all_lists, all_counts, sums = first
    size = all_pixels.shape[2] * columns
    first_tile, last_tile = share(layer.width // columns, 1, rank, ranks)
    left, right = first_tile * columns, last_tile * columns
    first_word, last_word = share(masks.shape[0], 1, rank, ranks)
    begin, end, turn = 0, chunk_end(0, batch, chunk, n), 0
    top, bottom = share(end, 1, rank, ranks)
    _gather(images, order[top:bottom], all_pixels[0], masks, top)
    barrier(shared, ranks)
    _list_images(masks, first_word, last_word, end, all_lists[0], all_counts[0])
    barrier(shared, ranks)
    while begin < n:
        rows = end - begin
        pixels, lists, counts = all_pixels[turn % 3], all_lists[turn % 2], all_counts[turn % 2]
        after = chunk_end(end, batch, chunk, n)
        top, bottom = share(after - end, 1, rank, ranks)
        coming = order[end + top : end + bottom]
        _gather(images, coming, all_pixels[(turn + 1) % 3], masks, top)
        for tile in range(first_tile, last_tile):
            column = tile * columns
            _forward_tile(
                pixels,
                lists,
                counts,
                rows,
                table,
                w,
                tile * size,
                sums[tile],
                part(bias(arena, layer), 0, column),
                part(outputs(arena, layer), 0, column),
                layers.size > 1,
            )
        barrier(shared, ranks)
        top, bottom = share(rows, 1, rank, ranks)
        scale = 1 / arena.dtype.type(batch_size(begin, batch, n))
        through_the_rest(
            arena, layers, labels, order[begin:end], top, bottom, scale, losses[begin:end]
        )
        _list_images(
            masks,
            first_word,
            last_word,
            after - end,
            all_lists[(turn + 1) % 2],
            all_counts[(turn + 1) % 2],
        )
        barrier(shared, ranks)
        place = place_in_sums(begin, end, batch, n)
        top, bottom = share(chunk_end(after, batch, chunk, n) - after, 1, rank, ranks)
        ahead = order[after + top : after + bottom]
        for tile in range(first_tile, last_tile):
            _update_tile(
                pixels,
                lists,
                counts,
                table,
                arena,
                layer.grad + tile * columns,
                layer.step,
                w,
                partial,
                total,
                tile * size,
                place,
                lr,
                images,
                ahead if tile == first_tile else ahead[:0],
            )
        update_bias(arena, layer, left, right, rows, place, lr)
        update_from_second(arena, parts.zeros, layers, left, right, rank, ranks, rows, place, lr)
        begin, end, turn = end, after, turn + 1


@compiled(nogil=True)
def train(
    shared: Array,
    ranks: int,
    first: Any,
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

    ``first`` has what the first layer needs, all else stands in the arena.
    """
    arguments = (first, arena, parts, layers, images, labels, order, batch, chunk, lr, losses)
    on_all_ranks(shared, ranks, _train, arguments)
