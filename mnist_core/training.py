"""Training: epochs of mini-batches in an order that is the same for every backend."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from mnist_core import schedules
from mnist_core.data import Dataset
from mnist_core.errors import DivergedError, NetworkError
from mnist_core.network import Network
from mnist_core.operators import Array, HostArray
from mnist_core.schedules import CONSTANT

_EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Epoch:
    """One line of the history: losses and accuracies in [0, 1], seconds of training alone.

    ``lr`` is the learning rate in the epoch's last step, ``test_seconds`` what testing took.
    """

    epoch: int
    lr: float
    loss: float
    test_loss: float
    test_accuracy: float
    seconds: float
    test_seconds: float


@dataclass
class History:
    """What happened in training, an entry an epoch."""

    epochs: list[Epoch] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        """Entries as dictionaries, for a table."""
        return [asdict(epoch) for epoch in self.epochs]


@dataclass(frozen=True)
class DeviceData:
    """Images (n, features) uint8 and labels (n,) int64 where the backend computes."""

    images: Array
    labels: Array

    @classmethod
    def load(cls, network: Network, images: HostArray, labels: HostArray) -> "DeviceData":
        """Copy to the network's device."""
        to_device = network.backend.space.to_device
        return cls(to_device(images), to_device(labels.astype(np.int64)))


def permutations(n: int, seed: int) -> Iterator[HostArray]:
    """Order of n images for each epoch, int64, from a stream frozen across NumPy versions."""
    # Not the stream of the initial weights, which starts from the seed itself.
    rng = np.random.RandomState([seed, 1])
    while True:
        yield rng.permutation(n).astype(np.int64)


def check_recipe(network_sizes: tuple[int, ...], data: Dataset, batch: int) -> None:
    """Raise `NetworkError` where network, data and batch cannot go together."""
    if network_sizes[0] != data.features:
        raise NetworkError(
            f"network {'-'.join(map(str, network_sizes))} takes {network_sizes[0]} inputs, "
            f"{data.name} has images of {data.features} pixels; begin the network with that"
        )
    if network_sizes[-1] < data.classes:
        raise NetworkError(
            f"network {'-'.join(map(str, network_sizes))} tells {network_sizes[-1]} classes apart, "
            f"{data.name} has {data.classes}; end the network with that"
        )
    n = len(data.train_labels)
    if not 1 <= batch <= n:
        raise NetworkError(f"batch {batch}: give one between 1 and {n}, the images of {data.name}")


def evaluate(network: Network, data: DeviceData) -> tuple[float, float]:
    """Mean loss and accuracy of the network on a data set."""
    space, n = network.backend.space, data.labels.shape[0]
    order = space.to_device(np.arange(n, dtype=np.int64))
    losses, right = 0.0, 0
    for start in range(0, n, _EVALUATION_BATCH):
        index = order[start : min(start + _EVALUATION_BATCH, n)]
        batch = network.buffers(index.shape[0])
        network.backend.gather_batch(data.images, data.labels, index, batch.x, batch.labels)
        logits = network.forward(batch.x)
        network.backend.softmax_cross_entropy(
            logits, batch.labels, batch.losses, batch.gradients[-1]
        )
        losses += float(space.to_host(batch.losses).sum(dtype=np.float64))
        predicted = space.to_host(logits).argmax(axis=1)
        right += int((predicted == space.to_host(batch.labels)).sum())
    return losses / n, right / n


def train(
    network: Network,
    data: Dataset,
    *,
    epochs: int,
    batch: int,
    lr: float,
    seed: int = 0,
    schedule: str = CONSTANT,
    until: float = 1.0,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> History:
    """Train by stochastic gradient descent, evaluating on the test images after each epoch.

    The learning rate begins with ``lr`` and goes on as the schedule of that name says. Training
    ends early after an epoch at which ``until`` of the test images are recognised.

    Raises
    ------
    NetworkError
        Where network, data and batch do not fit.
    DivergedError
        At the end of the epoch in which a loss became NaN or infinite; it names the step.
    """
    check_recipe(network.sizes, data, batch)
    space = network.backend.space
    training = DeviceData.load(network, data.train_images, data.train_labels)
    test = DeviceData.load(network, data.test_images, data.test_labels)
    orders = permutations(len(data.train_labels), seed)
    history = History()
    _warm_up(network, training, batch, network.precision.rate(lr, batch))
    for number in range(1, epochs + 1):
        order = space.to_device(next(orders))
        space.synchronize()
        start = perf_counter()
        rates = schedules.rates(schedule, lr, number - 1, epochs)
        losses = _train_epoch(network, training, order, batch, rates)
        trained = perf_counter()
        _check_finite(losses, number, batch, lr)
        test_loss, accuracy = evaluate(network, test)
        if not np.isfinite(test_loss):
            raise _diverged(-(-len(losses) // batch), number, lr)
        loss = float(losses.mean(dtype=np.float64))
        seconds, test_seconds = trained - start, perf_counter() - trained
        history.epochs.append(
            Epoch(number, rates[-1], loss, test_loss, accuracy, seconds, test_seconds)
        )
        on_epoch(history.epochs[-1])
        if accuracy >= until:
            break
    return history


def _train_epoch(
    network: Network, data: DeviceData, order: Array, batch: int, rates: Sequence[float]
) -> HostArray:
    """One epoch, cut into as many pieces of whole batches as there are rates; the losses."""
    n = order.shape[0]
    steps = -(-n // batch)
    ends = [min(n, steps * piece // len(rates) * batch) for piece in range(len(rates) + 1)]
    losses = []
    for lr, first, last in zip(rates, ends, ends[1:], strict=False):
        if first < last:
            rate = network.precision.rate(lr, batch)
            found = network.epoch(data.images, data.labels, order[first:last], batch, rate)
            losses.append(network.backend.space.to_host(found))
    network.backend.space.synchronize()
    return np.concatenate(losses)


def _warm_up(network: Network, data: DeviceData, batch: int, rate: float) -> None:
    """Train one batch, test and undo it, so that no seconds of the first epoch go to compiling."""
    before = network.get_parameters()
    index = network.backend.space.to_device(np.arange(batch, dtype=np.int64))
    network.epoch(data.images, data.labels, index, batch, rate)
    evaluate(network, DeviceData(data.images[:1, ...], data.labels[:1]))
    network.set_parameters(before)


def _check_finite(losses: HostArray, epoch: int, batch: int, lr: float) -> None:
    bad = ~np.isfinite(losses)
    if bad.any():
        raise _diverged(int(bad.argmax()) // batch + 1, epoch, lr)


def _diverged(step: int, epoch: int, lr: float) -> DivergedError:
    return DivergedError(
        f"training diverged: the loss is not finite at step {step} of epoch {epoch} "
        f"with learning rate {lr:g}; try a smaller one"
    )
