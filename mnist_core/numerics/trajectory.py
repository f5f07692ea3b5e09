"""Fifty steps of training beside the truth: is a backend as close to it as NumPy can be asked?"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.network import Network, initial_parameters
from mnist_core.numerics.check import Check, raising_fails
from mnist_core.numerics.errors import distance
from mnist_core.numerics.reference import REFERENCE, permuted, wider
from mnist_core.operators import HostArray
from mnist_core.precision import Precision
from mnist_core.training import DeviceData, permutations

ENVELOPE_FACTOR = 8
"""How far outside the envelope of reordered sums a backend may be."""

ENVELOPE_RUNS = 5
FLOOR_ROUNDOFFS = 2
"""Rounding a parameter once moves it by about a roundoff, whatever the sums did."""

_EPOCHS = 5
_FULL_BATCHES = 9
_IMAGES = 20_000
_PARTIAL = 97


@dataclass(frozen=True)
class Course:
    """What a trajectory trains on: images, labels, and the order of each epoch."""

    sizes: tuple[int, ...]
    precision: Precision
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


def course(
    sizes: Sequence[int], batch: int, precision: Precision, data: Dataset, lr: float, seed: int
) -> Course:
    """Five epochs of nine batches and a partial one; fewer where batches are large."""
    full = max(1, min(_FULL_BATCHES, _IMAGES // (_EPOCHS * batch)))
    partial = _PARTIAL if batch > _PARTIAL else max(1, 3 * batch // 4)
    n = min(full * batch + partial, len(data.train_labels))
    # The images are a sample of all, the same for every backend.
    chosen = next(permutations(len(data.train_labels), seed))[:n]
    epochs = max(2, min(_EPOCHS, _EPOCHS * _IMAGES // n))
    orders = [order for order, _ in zip(permutations(n, seed), range(epochs), strict=False)]
    return Course(
        tuple(sizes),
        precision,
        data.train_images[chosen],
        data.train_labels[chosen],
        orders,
        batch,
        lr,
        initial_parameters(sizes, seed),
    )


class Run:
    """A network on its way along a course."""

    def __init__(self, course: Course, backend: Backend, precision: Precision) -> None:
        self.course = course
        self.network = Network(course.sizes, backend, precision=precision, initial=course.initial)
        self.data = DeviceData.load(self.network, course.images, course.labels)

    def step(self, index: HostArray) -> float:
        """One step; the mean loss before it."""
        space = self.network.backend.space
        device_index = space.to_device(index)
        losses = self.network.step(self.data.images, self.data.labels, device_index, self.course.lr)
        return float(space.to_host(losses).mean(dtype=np.float64))

    def epoch(self, order: HostArray) -> list[HostArray]:
        """One epoch; the parameters after it."""
        device_order = self.network.backend.space.to_device(order)
        self.network.epoch(
            self.data.images, self.data.labels, device_order, self.course.batch, self.course.lr
        )
        return self.parameters()

    def parameters(self) -> list[HostArray]:
        """Weights and biases, one after the other."""
        return [p for pair in self.network.get_parameters() for p in pair]


@dataclass(frozen=True)
class Milestone:
    """Where the truth is after a step, and how far from it one may be.

    ``envelope`` holds for each parameter the largest distance so far of the reordered runs, never
    below the rounding floor; ``loss`` is the true mean loss before the step.
    """

    step: int
    parameters: list[HostArray]
    envelope: list[float]
    loss: float

    def judge(self, parameters: Iterable[HostArray]) -> tuple[float, int]:
        """Largest distance from the truth in envelopes, and the number of the parameter."""
        triples = zip(parameters, self.parameters, self.envelope, strict=True)
        ratios = [distance(p, truth) / allowed for p, truth, allowed in triples]
        ratios = [r if np.isfinite(r) else np.inf for r in ratios]
        return max(ratios), int(np.argmax(ratios))

    def judge_loss(self, loss: float) -> float:
        """Distance of the loss in units of the largest parameter envelope.

        Errors of a mean can cancel, so reordered losses themselves would be too narrow a measure;
        and a loss near zero is judged absolutely, since it is a difference of terms of order one.
        """
        ratio = abs(loss - self.loss) / max(abs(self.loss), 1.0) / max(self.envelope)
        return ratio if np.isfinite(ratio) else np.inf


def walk(course: Course, seed: int = 0) -> Iterator[Milestone]:
    """Train the reference in wider precision and, beside it, reordered in the course's own."""
    precision = course.precision
    truth = Run(course, REFERENCE, wider(precision))
    runs = [Run(course, permuted(1000 * seed + i), precision) for i in range(ENVELOPE_RUNS)]
    envelope = [FLOOR_ROUNDOFFS * precision.roundoff] * (2 * (len(course.sizes) - 1))
    for step, index in enumerate(course.indices, start=1):
        loss = truth.step(index)
        parameters = truth.parameters()
        for run in runs:
            run.step(index)
            distances = map(distance, run.parameters(), parameters)
            envelope = [max(pair) for pair in zip(envelope, distances, strict=True)]
        yield Milestone(step, parameters, envelope, loss)


def _parameter_name(number: int) -> str:
    return f"layer {number // 2} {('weight', 'bias')[number % 2]}"


def _outside(name: str, step: int, what: str, ratio: float) -> Check:
    detail = (
        f"{what} is {ratio:.1f} times as far from the truth after {step} steps "
        f"as reordered sums take NumPy (allowed {ENVELOPE_FACTOR})"
    )
    return Check(name, "trajectory", False, detail, ratio)


@raising_fails("step")
def check_steps(backend: Backend, course: Course, milestones: Iterable[Milestone]) -> Check:
    """Train by the backend's step and judge parameters and loss after every step."""
    run, worst = Run(course, backend, course.precision), 0.0
    for milestone, index in zip(milestones, course.indices, strict=True):
        loss_ratio = milestone.judge_loss(run.step(index))
        ratio, number = milestone.judge(run.parameters())
        if not loss_ratio <= ENVELOPE_FACTOR:
            return _outside("step", milestone.step, "the loss", loss_ratio)
        if not ratio <= ENVELOPE_FACTOR:
            return _outside("step", milestone.step, _parameter_name(number), ratio)
        worst = max(worst, ratio, loss_ratio)
    detail = f"{len(course.indices)} steps of batch {course.batch}"
    return Check("step", "trajectory", True, detail, worst)


def train_epochs(backend: Backend, course: Course) -> Iterator[list[HostArray]]:
    """Train by the backend's epoch; the parameters after each."""
    run = Run(course, backend, course.precision)
    return (run.epoch(order) for order in course.orders)


@raising_fails("epoch")
def check_epochs(backend: Backend, course: Course, milestones: Iterable[Milestone]) -> Check:
    """Train by the backend's epoch and judge the parameters after each against the truth then."""
    worst = 0.0
    for milestone, parameters in zip(milestones, train_epochs(backend, course), strict=True):
        ratio, number = milestone.judge(parameters)
        if not ratio <= ENVELOPE_FACTOR:
            return _outside("epoch", milestone.step, _parameter_name(number), ratio)
        worst = max(worst, ratio)
    detail = f"{len(course.orders)} epochs of {len(course.orders[0])} images"
    return Check("epoch", "trajectory", True, detail, worst)


@raising_fails("deterministic")
def check_deterministic(backend: Backend, course: Course) -> Check:
    """Train twice: the bits must be the same."""
    first, second = (sha256(list(train_epochs(backend, course))[-1]) for _ in range(2))
    same = first == second
    detail = f"weights {first}" if same else "training twice gave different bits"
    return Check("deterministic", "deterministic", same, detail)


def sha256(arrays: Iterable[HostArray]) -> str:
    """Hash of arrays' shapes and little-endian bytes, in C order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes())
    return digest.hexdigest()
