"""The exact claim: every number that a backend computes in exact precision is the reference's."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.network import Network, initial_parameters
from mnist_core.numerics.check import Check, raising_fails
from mnist_core.numerics.exact_range import CheckedNetwork
from mnist_core.numerics.reference import REFERENCE
from mnist_core.operators import Array, HostArray, Operator
from mnist_core.precision import EXACT, WEIGHT_BITS
from mnist_core.training import DeviceData, permutations

STEPS = 100

# The logarithm is for people to read; libraries round it each in its way.
_NOT_COMPARED = frozenset({("softmax_cross_entropy", "loss")})


@dataclass(frozen=True)
class Recipe:
    """A training in exact precision: what two machines must agree on to compare their weights."""

    sizes: tuple[int, ...]
    batch: int
    lr: float
    seed: int
    steps: int

    def orders(self, images: int) -> Iterator[HostArray]:
        """Order of the images in each epoch; the last ends with the last step."""
        left = self.steps
        for order in permutations(images, self.seed):
            steps = -(-images // self.batch)
            yield order[: min(left, steps) * self.batch]
            left -= steps
            if left <= 0:
                return

    def indices(self, images: int) -> Iterator[HostArray]:
        """Images of each step."""
        for order in self.orders(images):
            for start in range(0, len(order), self.batch):
                yield order[start : start + self.batch]

    @cached_property
    def rate(self) -> float:
        """The learning rate of a single image."""
        return EXACT.rate(self.lr, self.batch)

    def initial(self) -> list[tuple[HostArray, HostArray]]:
        """Parameters to begin with, before they are rounded to their grid."""
        return initial_parameters(self.sizes, self.seed)


def weights_sha256(parameters: Iterable[tuple[HostArray, HostArray]]) -> str:
    """SHA-256 of W 2**20 as little-endian int32 in C order, for W0 b0 W1 b1 and so on.

    Of integers, since -0.0 occurs and rounding functions disagree on its sign.
    """
    digest = hashlib.sha256()
    for parameter in (p for pair in parameters for p in pair):
        digest.update(np.ldexp(parameter, WEIGHT_BITS).astype("<i4").tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Call:
    """One call of an operator in training: which, and a digest of what its kernel computed."""

    operator: str
    digest: bytes


@dataclass(frozen=True)
class Step:
    """What a step left: the weights' SHA-256, and the calls it consisted of."""

    weights: str
    calls: tuple[Call, ...]


class Recorder:
    """Digests of what kernels compute, before anything is rounded to a grid."""

    def __init__(self, backend: Backend) -> None:
        self.calls: list[Call] = []
        self._space = backend.space

    def __call__(self, operator: Operator, arrays: Sequence[Array]) -> None:
        digest = hashlib.sha256()
        for name in operator.outputs:
            array = arrays[operator.place(name)]
            if array is not None and (operator.name, name) not in _NOT_COMPARED:
                # Adding zero turns -0.0 into 0.0, which sums of zeros may be either of.
                digest.update((self._space.to_host(array) + 0).data)
        self.calls.append(Call(operator.name, digest.digest()))

    def taken(self) -> tuple[Call, ...]:
        """The calls so far, which are then forgotten."""
        calls, self.calls = tuple(self.calls), []
        return calls


def train(
    backend: Backend, recipe: Recipe, data: Dataset, network: type[Network] = Network
) -> Iterator[Step]:
    """Train step by step in exact precision; what each step left."""
    recorder = Recorder(backend)
    model = network(
        recipe.sizes, backend.observed_by(recorder), precision=EXACT, initial=recipe.initial()
    )
    device = DeviceData.load(model, data.train_images, data.train_labels)
    for index in recipe.indices(len(data.train_labels)):
        model.step(device.images, device.labels, backend.space.to_device(index), recipe.rate)
        yield Step(weights_sha256(model.get_parameters()), recorder.taken())


def reference_steps(recipe: Recipe, data: Dataset) -> list[Step]:
    """Steps of the NumPy reference, every one of which is checked to be exact.

    Raises
    ------
    ExactRangeError
        At the first step that is not.
    """
    return list(train(REFERENCE, recipe, data, CheckedNetwork))


def beginnings(recipe: Recipe, data: Dataset) -> dict[str, str]:
    """SHA-256 of the data, the rounded initial weights and the order of the images."""
    rounded = [(EXACT.rounded(w), EXACT.rounded(b)) for w, b in recipe.initial()]
    order = hashlib.sha256()
    for index in recipe.indices(len(data.train_labels)):
        order.update(index.astype("<i8").tobytes())
    return {
        "data": data.sha256,
        "initial_weights": weights_sha256(rounded),
        "order": order.hexdigest(),
    }


@raising_fails("steps", "exact")
def check_steps(backend: Backend, recipe: Recipe, data: Dataset, expected: Sequence[Step]) -> Check:
    """Train by the backend's step: every call and all weights must be the reference's."""
    number = 0
    for number, (step, truth) in enumerate(
        zip(train(backend, recipe, data), expected, strict=True), start=1
    ):
        wrong = _first_difference(step, truth)
        if wrong is not None:
            what = f"{_kernel(backend, wrong)} differs" if wrong else "the weights differ"
            detail = f"{what} from the reference at step {number}"
            return Check("steps", "exact", False, detail)
    detail = f"{number} steps of batch {recipe.batch}"
    return Check("steps", "exact", True, detail, sha256=expected[-1].weights)


def _first_difference(step: Step, truth: Step) -> str | None:
    """The first operator that computed something else, "" if only the weights differ, or None.

    Calls are compared where the step consists of the reference's; where a backend takes over, or a
    stored certificate stands for the reference, the weights alone tell.
    """
    if [call.operator for call in step.calls] == [call.operator for call in truth.calls]:
        for call, right in zip(step.calls, truth.calls, strict=True):
            if call != right:
                return call.operator
    return None if step.weights == truth.weights else ""


def _kernel(backend: Backend, operator: str) -> str:
    kernel = backend.computing_in(EXACT).kernel_for(registry.operator(operator))
    return f"{operator}/{kernel.name}"


@raising_fails("epochs", "exact")
def check_epochs(backend: Backend, recipe: Recipe, data: Dataset, expected: str) -> Check:
    """Train by the backend's epoch: the weights at the end must be the reference's."""
    model = Network(recipe.sizes, backend, precision=EXACT, initial=recipe.initial())
    device = DeviceData.load(model, data.train_images, data.train_labels)
    images = 0
    for order in recipe.orders(len(data.train_labels)):
        images += len(order)
        device_order = backend.space.to_device(order)
        model.epoch(device.images, device.labels, device_order, recipe.batch, recipe.rate)
    same = weights_sha256(model.get_parameters()) == expected
    detail = f"{images:,} images" if same else "the weights after training by epochs differ"
    return Check("epochs", "exact", same, detail, sha256=expected if same else None)
