"""Training: epochs of mini-batches in an order that is the same for every backend."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from mnist_core.data import Dataset
from mnist_core.errors import DivergedError, NetworkError
from mnist_core.network import Buffers, Network
from mnist_core.operators import Array, HostArray
from mnist_core.schedules import CONSTANT
from mnist_core.schedules import schedule as find_schedule

_EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Epoch:
    """One line of the history: losses and accuracies in [0, 1], seconds of training alone.

    ``lr`` is the learning rate in the epoch's last step, ``test_seconds`` what testing took.
    ``seconds`` are those since the line before: of several epochs, where not each has a line.
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
    """What happened in training, an entry for each epoch that was looked at."""

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


class Permutations(Iterator[HostArray]):
    """Order (n,) int64 of n images for each epoch, from a stream frozen across NumPy versions.

    Parameters
    ----------
    n, seed
        Number of images, and where the stream begins.
    place
        What another one's ``place`` was, to go on from there.
    """

    def __init__(self, n: int, seed: int, place: str | None = None) -> None:
        # Not the stream of the initial weights, which starts from the seed itself.
        self._n, self._rng = n, np.random.RandomState([seed, 1])
        if place is not None:
            key, position = place.split(":")
            state = {"key": np.frombuffer(bytes.fromhex(key), "<u4"), "pos": int(position)}
            self._rng.set_state({"bit_generator": "MT19937", "state": state})

    def __next__(self) -> HostArray:
        return self._rng.permutation(self._n).astype(np.int64)

    @property
    def place(self) -> str:
        """Where in its stream it is: the generator's state, in hexadecimal, and the position."""
        state = self._rng.get_state(legacy=False)["state"]
        return f"{state['key'].astype('<u4').tobytes().hex()}:{state['pos']}"


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


def _passes(network: Network, data: DeviceData) -> Iterator[tuple[Buffers, Array]]:
    """Images in their order, a batch at a time: its buffers, and the logits (n, classes)."""
    space, n = network.backend.space, data.labels.shape[0]
    order = space.to_device(np.arange(n, dtype=np.int64))
    for start in range(0, n, _EVALUATION_BATCH):
        index = order[start : min(start + _EVALUATION_BATCH, n)]
        batch = network.buffers(index.shape[0])
        network.backend.gather_batch(data.images, data.labels, index, batch.x, batch.labels)
        yield batch, network.forward(batch.x)


def evaluate(network: Network, data: DeviceData) -> tuple[float, float]:
    """Mean loss and accuracy of the network on a data set."""
    to_host, losses, right = network.backend.space.to_host, 0.0, 0
    for batch, logits in _passes(network, data):
        network.backend.softmax_cross_entropy(
            logits, batch.labels, batch.losses, batch.gradients[-1]
        )
        losses += float(to_host(batch.losses).sum(dtype=np.float64))
        right += int((to_host(logits).argmax(axis=1) == to_host(batch.labels)).sum())
    n = data.labels.shape[0]
    return losses / n, right / n


def predict(network: Network, images: HostArray) -> HostArray:
    """Probability (n, classes) float64 of each class for images (n, features) uint8."""
    data = DeviceData.load(network, images, np.zeros(len(images), np.int64))
    to_host = network.backend.space.to_host
    logits = np.concatenate([to_host(logits) for _, logits in _passes(network, data)])
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def train(
    network: Network,
    data: Dataset,
    *,
    epochs: int,
    batch: int,
    lr: float,
    seed: int = 0,
    schedule: str = CONSTANT,
    every: int = 1,
    until: float = 1.0,
    done: int = 0,
    orders: Permutations | None = None,
    between: Callable[[int, Callable[[], float]], None] = lambda number, elapsed: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> History:
    """Train by stochastic gradient descent, evaluating on the test images.

    The learning rate begins with ``lr`` and goes on as the schedule says. Losses are fetched and
    test images evaluated after every so many epochs and after the last; training ends early where
    ``until`` of the test images are then recognised. ``on_epoch`` is called with each such line of
    the history, and ``between`` after the other epochs, with their number and a function that waits
    for the device and gives the seconds since the last line. Training that was broken off goes on
    with the number of epochs ``done`` and the ``orders`` of those to come.

    Raises
    ------
    NetworkError
        Where network, data and batch do not fit, or there is no such schedule.
    DivergedError
        At the end of the epoch in which a loss was seen to be NaN or infinite; it names the step.
    """
    check_recipe(network.sizes, data, batch)
    planned, space = find_schedule(schedule), network.backend.space
    training = DeviceData.load(network, data.train_images, data.train_labels)
    test = DeviceData.load(network, data.test_images, data.test_labels)
    orders = orders or Permutations(len(data.train_labels), seed)
    device_losses = space.empty((len(data.train_labels),), network.precision.dtype)
    history = History()
    _warm_up(network, training, batch, network.precision.rate(lr, batch))
    space.synchronize()
    start = perf_counter()

    def elapsed() -> float:
        space.synchronize()
        return perf_counter() - start

    for number in range(done + 1, epochs + 1):
        rates = planned.rates(lr, number - 1, epochs)
        order = space.to_device(next(orders))
        _train_epoch(network, training, order, batch, rates, device_losses)
        if number % every and number != epochs:
            between(number, elapsed)
            continue
        losses = space.to_host(device_losses)
        trained = perf_counter()
        _check_finite(losses, number, batch, rates[-1])
        test_loss, accuracy = evaluate(network, test)
        if not np.isfinite(test_loss):
            raise _diverged(-(-len(losses) // batch), number, rates[-1])
        loss = float(losses.mean(dtype=np.float64))
        seconds, test_seconds = trained - start, perf_counter() - trained
        epoch = Epoch(number, rates[-1], loss, test_loss, accuracy, seconds, test_seconds)
        history.epochs.append(epoch)
        on_epoch(epoch)
        if accuracy >= until:
            break
        space.synchronize()
        start = perf_counter()
    return history


def _train_epoch(
    network: Network,
    data: DeviceData,
    order: Array,
    batch: int,
    rates: Sequence[float],
    losses: Array,
) -> None:
    """One epoch, cut into as many pieces of whole batches as there are rates, and its losses."""
    n = order.shape[0]
    steps = -(-n // batch)
    ends = [min(n, steps * piece // len(rates) * batch) for piece in range(len(rates) + 1)]
    for lr, first, last in zip(rates, ends, ends[1:], strict=False):
        if first < last:
            rate = network.precision.rate(lr, batch)
            found = network.epoch(data.images, data.labels, order[first:last], batch, rate)
            losses[first:last] = found


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
