"""The step and the epoch of a network, each one compiled function."""

from typing import Any
from weakref import WeakKeyDictionary

from kernels.numba_cpu.tiled.arena import Arena
from kernels.numba_cpu.tiled.dense import train
from kernels.numba_cpu.tiled.team import call
from mnist_core.backends import takes_over
from mnist_core.network import Network

Array = Any

CHUNK = 256
"""Images that pass through the network together: their activations stay in a core's cache."""

_arenas: WeakKeyDictionary[Network, Arena] = WeakKeyDictionary()


def _arena(network: Network, rows: int) -> Arena:
    found = _arenas.get(network)
    if found is None or found.rows < rows:
        found = _arenas[network] = Arena(network.sizes, network.precision.dtype, rows)
    return found


def train_dense(
    network: Network,
    images: Array,
    labels: Array,
    order: Array,
    batch: int,
    lr: float,
    losses: Array,
) -> Array:
    """Steps over ``order`` that make every product; the losses (n,), where they were to go."""
    chunk = min(batch, CHUNK)
    arena = _arena(network, chunk)
    arena.take(network)
    first, rate = arena.first_weights(network), arena.array.dtype.type(lr)
    where = (first, arena.array, arena.parts, arena.layers)
    call(train, *where, images, labels, order, batch, chunk, rate, losses)
    arena.give(network)
    return losses


@takes_over("epoch", name="tiled")
def epoch(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    losses = network.losses(order.shape[0])
    return train_dense(network, images, labels, order, batch, lr, losses)


@takes_over("step", name="tiled")
def step(network: Network, images: Array, labels: Array, index: Array, lr: float) -> Array:
    n = index.shape[0]
    return train_dense(network, images, labels, index, n, lr, network.buffers(n).losses)
