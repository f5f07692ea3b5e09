"""What a trajectory trains on: a sample of the images, in an order fixed beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.network import Network, initial_parameters
from mnist_core.numerics.kinks import away_from_kinks
from mnist_core.numerics.reference import REFERENCE
from mnist_core.operators import HostArray
from mnist_core.operators.gather_batch import PIXEL_MAX
from mnist_core.precision import FLOAT64, Precision
from mnist_core.training import DeviceData, Permutations

_EPOCHS = 5
_FULL_BATCHES = 9
_IMAGES = 20_000
_PARTIAL = 97

_KINK_MARGIN = 1e-5
_KINK_TRIES = 20


@dataclass(frozen=True)
class Course:
    """What a trajectory trains on: images, labels, and the order of each epoch.

    ``images`` and ``labels`` are a sample of ``data``, at its positions ``chosen``.
    """

    sizes: tuple[int, ...]
    precision: Precision
    data: Dataset
    chosen: HostArray
    images: HostArray
    labels: HostArray
    orders: list[HostArray]
    batch: int
    lr: float
    initial: list[tuple[HostArray, HostArray]]

    @property
    def indices(self) -> list[HostArray]:
        """The batches, a step each; the last of every epoch is partial."""
        return [
            order[start : start + self.batch]
            for order in self.orders
            for start in range(0, len(order), self.batch)
        ]

    @property
    def epoch_ends(self) -> list[int]:
        """Number of steps done at the end of each epoch."""
        steps = -(-len(self.orders[0]) // self.batch)
        return [steps * (i + 1) for i in range(len(self.orders))]


class Run:
    """A network on its way along a course, on the course's sample of the images."""

    def __init__(self, course: Course, backend: Backend, precision: Precision) -> None:
        self.course = course
        self.network = Network(course.sizes, backend, precision=precision, initial=course.initial)
        self.data = DeviceData.load(self.network, *self._images_and_labels())

    def _images_and_labels(self) -> tuple[HostArray, HostArray]:
        return self.course.images, self.course.labels

    def _position(self, index: HostArray) -> HostArray:
        """Where the images that a course numbers ``index`` are among those of the run."""
        return index

    def step(self, index: HostArray) -> HostArray:
        """One step; the loss of each image before it."""
        space = self.network.backend.space
        device_index = space.to_device(self._position(index))
        losses = self.network.step(self.data.images, self.data.labels, device_index, self.course.lr)
        return space.to_host(losses)

    def epoch(self, order: HostArray) -> list[HostArray]:
        """One epoch; the loss of each image before each of its steps."""
        space = self.network.backend.space
        device_order = space.to_device(self._position(order))
        device_losses = self.network.epoch(
            self.data.images, self.data.labels, device_order, self.course.batch, self.course.lr
        )
        losses = space.to_host(device_losses)
        batches = range(0, len(order), self.course.batch)
        return [losses[start : start + self.course.batch] for start in batches]

    def parameters(self) -> list[HostArray]:
        """Weights and biases, one after the other."""
        return [p for pair in self.network.get_parameters() for p in pair]


class WholeRun(Run):
    """A run that picks the same images out of all there are, as it will when it is timed."""

    def _images_and_labels(self) -> tuple[HostArray, HostArray]:
        return self.course.data.train_images, self.course.data.train_labels

    def _position(self, index: HostArray) -> HostArray:
        return self.course.chosen[index]


def plan_course(
    sizes: Sequence[int], batch: int, precision: Precision, data: Dataset, lr: float, seed: int
) -> Course:
    """Five epochs of nine batches and a partial one; fewer where batches are large."""
    full = max(1, min(_FULL_BATCHES, _IMAGES // (_EPOCHS * batch)))
    partial = _PARTIAL if batch > _PARTIAL else max(1, 3 * batch // 4)
    n = min(full * batch + partial, len(data.train_labels))
    # The images are a sample of all, the same for every backend.
    chosen = next(Permutations(len(data.train_labels), seed))[:n]
    epochs = max(2, min(_EPOCHS, _EPOCHS * _IMAGES // n))
    orders = [order for order, _ in zip(Permutations(n, seed), range(epochs), strict=False)]
    proposed = Course(
        tuple(sizes),
        precision,
        data,
        chosen,
        data.train_images[chosen],
        data.train_labels[chosen],
        orders,
        batch,
        lr,
        initial_parameters(sizes, seed),
    )
    return _off_kinks(proposed, np.random.RandomState([seed, 5]))


def _off_kinks(course: Course, rng: np.random.RandomState) -> Course:
    """Exchange, step by step, images that bring a pre-activation within rounding of zero.

    There honest kernels may decide a ReLU either way, and the step after differs by a whole image's
    gradient: a thousand times what reordered sums come to.
    """
    run, orders = Run(course, REFERENCE, FLOAT64), []
    for order in course.orders:
        chosen = order.copy()
        for start in range(0, len(chosen), course.batch):
            index = chosen[start : start + course.batch]
            _exchange(course, run.network.get_parameters(), index, rng)
            run.step(index)
        orders.append(chosen)
    return replace(course, orders=orders)


def _exchange(
    course: Course,
    parameters: list[tuple[HostArray, HostArray]],
    index: HostArray,
    rng: np.random.RandomState,
) -> None:
    """Replace entries of ``index`` near a kink by others drawn at random, in place.

    A network with so many units that every image is near one keeps what the last try left.
    """
    near = np.arange(len(index))
    for _ in range(_KINK_TRIES):
        x = course.images[index[near]] / PIXEL_MAX
        near = near[~away_from_kinks(x, parameters, _KINK_MARGIN)]
        if not len(near):
            break
        index[near] = rng.randint(0, len(course.images), len(near))
