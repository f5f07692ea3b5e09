"""A step as one graph: the index is copied to where the graph expects it."""

from typing import Any

from kernels.cuda.capture import replay
from mnist_core.backends import takes_over

Array = Any


def step(network: Any, images: Array, labels: Array, index: Array, lr: float) -> Array:
    space, batch = network.backend.space, network.buffers(index.shape[0])
    held = space.scratch("graph index", index.shape, index.dtype)
    space.assign(held, index)

    def work() -> None:
        network.backend.gather_batch(images, labels, held, batch.x, batch.labels)
        train_on_batch(network, batch, lr)

    replay(network, ("step", lr), (images, labels, held, batch), work)
    return batch.losses


def train_on_batch(network: Any, batch: Any, lr: float) -> None:
    """A step on images that have been gathered."""
    network.forward(batch.x)
    network.backward(batch.x, batch.labels)
    network.backend.sgd(network.parameters, network.gradient, lr=lr)


graph_step = takes_over("step", name="graph")(step)
exact_graph_step = takes_over("step", name="graph", precision="exact")(step)
