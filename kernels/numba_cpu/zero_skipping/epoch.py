"""Step and epoch without the first layer's zeros, or the dense ones where those are faster."""

from math import ceil
from typing import Any
from weakref import WeakKeyDictionary

from kernels.numba_cpu.tiled import team
from kernels.numba_cpu.tiled.arena import Arena
from kernels.numba_cpu.tiled.epoch import train_dense
from kernels.numba_cpu.tiled.first_layer import FirstLayer
from kernels.numba_cpu.tiled.sparse import COLUMNS, share_left, train
from kernels.numba_cpu.tiled.target import VECTOR_BYTES
from mnist_core.backends import Work, takes_over
from mnist_core.network import Network

Array = Any

CHUNK = 128
"""Images whose sums in one tile of columns a core's first cache holds."""

WORTH_IT = 0.7
"""Share of the first layer's products above which to leave out the others does not pay: each of
those made takes about 1.35 times as long (docs/performance.md).
"""

_SAMPLE = 4096
"""Images of which the share of zeros is taken."""


class _Training:
    """What is kept for a network: the arena and the first layer, and how much of it is left."""

    def __init__(self, network: Network, rows: int, images: Array) -> None:
        self.rows, self.images = rows, images
        self.arena = Arena(network.sizes, network.precision.dtype, rows, COLUMNS)
        self.first = FirstLayer(self.arena, network.sizes[0], rows)
        self.share = share_left(images, max(1, len(images) // _SAMPLE))
        # Vectors of columns that the rank with most of them has: whole tiles here, which some
        # ranks may be without, and single ones in the dense kernels.
        lanes, ranks = VECTOR_BYTES // self.arena.array.itemsize, team.ranks()
        ours = COLUMNS * ceil(self.first.tiles / ranks)
        theirs = ceil(ceil(network.sizes[1] / lanes) / ranks)
        self.cost = self.share * ours / theirs


_trainings: WeakKeyDictionary[Network, _Training] = WeakKeyDictionary()


def _training(network: Network, rows: int, images: Array) -> _Training:
    found = _trainings.get(network)
    if found is None or found.rows < rows or found.images is not images:
        found = _trainings[network] = _Training(network, rows, images)
    return found


def work(network: Network, images: Array) -> Work:
    """What is done with these images, and why."""
    training = _training(network, 1, images)
    first = 2 * network.sizes[0] * network.sizes[1]
    rest = 3 * sum(a * b for a, b in zip(network.sizes[1:], network.sizes[2:], strict=False))
    if training.cost > WORTH_IT:
        return Work("tiled", 1.0, f"dense: without zeros {training.share:.0%} of layer 1 is left")
    executed = (first * training.share + rest) / (first + rest)
    return Work("zero-skipping", executed, f"{training.share:.0%} of layer 1 computed")


def _train(
    network: Network,
    images: Array,
    labels: Array,
    order: Array,
    batch: int,
    lr: float,
    losses: Array,
) -> Array:
    chunk = min(batch, CHUNK)
    training = _training(network, chunk, images)
    if training.cost > WORTH_IT:
        return train_dense(network, images, labels, order, batch, lr, losses)
    arena, first = training.arena, training.first
    arena.take(network)
    first.take(network)
    rate = arena.array.dtype.type(lr)
    where = (first.arrays, arena.array, arena.parts, arena.layers)
    team.call(train, *where, images, labels, order, batch, chunk, rate, losses)
    arena.give(network)
    first.give(network)
    return losses


@takes_over("epoch", name="zero-skipping", work=work)
def epoch(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    losses = network.losses(order.shape[0])
    return _train(network, images, labels, order, batch, lr, losses)


@takes_over("step", name="zero-skipping", work=work)
def step(network: Network, images: Array, labels: Array, index: Array, lr: float) -> Array:
    n = index.shape[0]
    return _train(network, images, labels, index, n, lr, network.buffers(n).losses)
