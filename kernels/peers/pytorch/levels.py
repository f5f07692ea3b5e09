"""Step and epoch by PyTorch, as a network calls them."""

from typing import Any
from weakref import WeakKeyDictionary

import torch

from kernels.peers.pytorch.training import Training
from mnist_core.backends import TakeOver, takes_over
from mnist_core.network import Network

Array = Any


def take_overs(way: type[Training], name: str) -> list[TakeOver]:
    """Step and epoch, each network trained by a ``way`` of its own."""
    trainings: WeakKeyDictionary[Network, Training] = WeakKeyDictionary()

    def training(network: Network, images: Array, labels: Array) -> Training:
        found = trainings.get(network)
        if found is None:
            found = trainings[network] = way(network)
        found.see(images, labels)
        return found

    @takes_over("step", name=name)
    def step(network: Network, images: Array, labels: Array, index: Array, lr: float) -> Array:
        found = training(network, images, labels)
        slot = found.slot(index.shape[0])
        # Costs less than making a tensor of every new index would.
        slot.index_array[...] = index
        found.run(slot.index, lr, slot.losses)
        return slot.losses_array

    @takes_over("epoch", name=name)
    def epoch(
        network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
    ) -> Array:
        found = training(network, images, labels)
        losses = network.losses(order.shape[0])
        batches = torch.from_dlpack(order).split(batch), torch.from_dlpack(losses).split(batch)
        for index, of_batch in zip(*batches, strict=True):
            found.run(index, lr, of_batch)
        return losses

    return [step, epoch]
