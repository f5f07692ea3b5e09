"""An epoch as replays of one graph: the device knows itself which batch is next."""

from typing import Any

from kernels.cuda.capture import replay
from kernels.cuda.graphs.step import train_on_batch
from kernels.cuda.launch import counts, function
from kernels.cuda.operators.gather_batch import FILE, divisor, threads
from mnist_core.arrays import Space
from mnist_core.backends import takes_over

Array = Any

THREADS = 1024


def epoch(network: Any, images: Array, labels: Array, order: Array, batch: int, lr: float) -> Array:
    space, n = network.backend.space, order.shape[0]
    # Not the network's own losses, which are others for each length of an epoch.
    losses = space.scratch("graph losses", (n,), network.parameters.dtype)
    held = space.scratch("graph order", order.shape, order.dtype)
    cursor = space.scratch("graph cursor", (1,), space.xp.int32)
    space.assign(held, order)
    cursor[...] = 0

    def steps(size: int, times: int) -> None:
        buffers = network.buffers(size)

        def work() -> None:
            gather_next(network, images, labels, held, cursor, buffers)
            train_on_batch(network, buffers, lr)
            keep_losses(space, buffers.losses, losses, cursor)

        for _ in range(times):
            replay(network, ("epoch", lr), (images, labels, held, losses, buffers), work)

    steps(batch, n // batch)
    if n % batch:
        steps(n % batch, 1)
    return losses


def gather_next(
    network: Any, images: Array, labels: Array, order: Array, cursor: Array, buffers: Any
) -> None:
    """Gather the images that ``order`` names from ``cursor`` on."""
    x = buffers.x
    batch, features = x.shape
    launch = function(network.backend.space, FILE, "gather_next", x.dtype)
    by = x.dtype.type(divisor(network.precision))
    arguments = (images, labels, order, cursor, x, buffers.labels, *counts(features), by)
    launch((batch,), (threads(features),), arguments)


def keep_losses(space: Space, batch_losses: Array, losses: Array, cursor: Array) -> None:
    """Copy a batch's losses to their place in the epoch's, and move the cursor behind them."""
    launch = function(space, FILE, "keep_losses", losses.dtype)
    launch((1,), (THREADS,), (batch_losses, losses, cursor, *counts(len(batch_losses))))


graph_epoch = takes_over("epoch", name="graph")(epoch)
exact_graph_epoch = takes_over("epoch", name="graph", precision="exact")(epoch)
