"""The exact claim: every number that a backend computes in exact precision is the reference's."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.network import Network, initial_parameters
from mnist_core.numerics.check import Check, raising_fails
from mnist_core.numerics.exact_operator import LOSS, losses_agree, rounded
from mnist_core.numerics.exact_range import CheckedNetwork
from mnist_core.numerics.reference import REFERENCE
from mnist_core.operators import Array, HostArray, Operator
from mnist_core.precision import EXACT, HASHED_BITS, WEIGHT_BITS
from mnist_core.training import DeviceData, Permutations

STEPS = 100

_EPOCHS = 4
_PARTIAL = 97


@dataclass(frozen=True)
class Recipe:
    """A training in exact precision: what two machines must agree on to compare their weights.

    Where the steps do not make a whole epoch of the data, it is one of some of the images: so many
    that there are several epochs, each with a partial batch at its end.
    """

    sizes: tuple[int, ...]
    batch: int
    lr: float
    seed: int
    steps: int

    def images(self, available: int) -> int:
        """Number of images that an epoch has."""
        if self.steps * self.batch >= available:
            return available
        full = max(1, self.steps // _EPOCHS - 1)
        partial = _PARTIAL if self.batch > _PARTIAL else 3 * self.batch // 4
        return min(available, full * self.batch + partial)

    def orders(self, available: int) -> Iterator[HostArray]:
        """Order of the images in each epoch; the last ends with the last step."""
        images, left = self.images(available), self.steps
        chosen = next(Permutations(available, self.seed))[:images]
        for order in Permutations(images, self.seed):
            yield chosen[order[: left * self.batch]]
            left -= -(-images // self.batch)
            if left <= 0:
                return

    def indices(self, available: int) -> Iterator[HostArray]:
        """Images of each step."""
        for order in self.orders(available):
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

    Of integers, since -0.0 occurs and rounding functions disagree on its sign. Weights that are
    none, off their grid or out of int32's range, have no hash: the result is then no SHA-256.
    """
    digest = hashlib.sha256()
    for parameter in (p for pair in parameters for p in pair):
        scaled = np.ldexp(parameter, WEIGHT_BITS)
        if not (np.abs(scaled) < 2**HASHED_BITS).all() or (scaled != np.rint(scaled)).any():
            return "off the grid"
        digest.update(scaled.astype("<i4").tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Call:
    """One call of an operator in training, and digests of what it computed and of that rounded."""

    operator: str
    computed: bytes
    rounded: bytes

    def agrees_with(self, truth: "Call") -> bool:
        """Whether a kernel computed the truth, or has rounded the truth to its grid itself."""
        return self.computed in (truth.computed, truth.rounded)


@dataclass(frozen=True)
class Step:
    """What a step left: the weights' SHA-256, the calls it consisted of, the images' losses."""

    weights: str
    calls: tuple[Call, ...] = ()
    losses: HostArray | None = None


class Recorder:
    """Digests of what kernels compute, before anything is rounded to a grid."""

    def __init__(self, backend: Backend) -> None:
        self._calls: list[Call] = []
        self._space = backend.space

    def __call__(
        self, operator: Operator, arrays: Sequence[Array], _attributes: Mapping[str, Any]
    ) -> None:
        computed, on_grid = hashlib.sha256(), hashlib.sha256()
        for name in operator.outputs:
            array = arrays[operator.place(name)]
            if array is not None and (operator.name, name) != LOSS:
                # Adding zero turns -0.0 into 0.0, which sums of zeros may be either of.
                host = self._space.to_host(array) + 0
                computed.update(host.data)
                on_grid.update((rounded(operator, name, host) + 0).data)
        self._calls.append(Call(operator.name, computed.digest(), on_grid.digest()))

    def taken(self) -> tuple[Call, ...]:
        """The calls so far, which are then forgotten."""
        calls, self._calls = tuple(self._calls), []
        return calls


def train(
    backend: Backend, recipe: Recipe, data: Dataset, network: type[Network] = Network
) -> Iterator[Step]:
    """Train step by step in exact precision; what each step left.

    A backend that takes over the step is not watched within it: that may be a replay.
    """
    recorder = Recorder(backend)
    taken_over = backend.computing_in(EXACT).take_over("step") is not None
    watched = backend if taken_over else backend.observed_by(recorder)
    model = network(recipe.sizes, watched, precision=EXACT, initial=recipe.initial())
    device = DeviceData.load(model, data.train_images, data.train_labels)
    space = backend.space
    for index in recipe.indices(len(data.train_labels)):
        losses = model.step(device.images, device.labels, space.to_device(index), recipe.rate)
        weights = weights_sha256(model.get_parameters())
        yield Step(weights, recorder.taken(), space.to_host(losses))


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


def _logits(backend: Backend, recipe: Recipe, data: Dataset) -> HostArray:
    """What forward returns for the first batch, before training."""
    index = next(recipe.indices(len(data.train_labels)))
    model = Network(recipe.sizes, backend, precision=EXACT, initial=recipe.initial())
    device, space = DeviceData.load(model, data.train_images, data.train_labels), backend.space
    batch = model.buffers(len(index))
    model.backend.gather_batch(
        device.images, device.labels, space.to_device(index), batch.x, batch.labels
    )
    return space.to_host(model.forward(batch.x))


@raising_fails("logits", "exact")
def check_logits(backend: Backend, recipe: Recipe, data: Dataset) -> Check:
    """Logits that the backend's forward returns: they must be the reference's."""
    logits, truth = (_logits(which, recipe, data) for which in (backend, REFERENCE))
    same = np.array_equal(logits, truth)
    detail = f"{len(truth)} images" if same else "the logits that forward returns differ"
    return Check("logits", "exact", same, detail)


@raising_fails("steps", "exact")
def check_steps(backend: Backend, recipe: Recipe, data: Dataset, expected: Sequence[Step]) -> Check:
    """Train by the backend's step: every call, loss and weight must be the reference's."""
    pairs = zip(train(backend, recipe, data), expected, strict=True)
    for number, (step, truth) in enumerate(pairs, start=1):
        wrong = _difference(backend, step, truth)
        if wrong:
            return Check("steps", "exact", False, f"{wrong} from the reference at step {number}")
    detail = f"{len(expected)} steps of batch {recipe.batch}"
    return Check("steps", "exact", True, detail, sha256=expected[-1].weights)


def _difference(backend: Backend, step: Step, truth: Step) -> str | None:
    """What a step left that is not the reference's, the first kernel if one is to blame.

    Calls are compared where the step consists of the reference's. Where a backend takes over the
    weights and losses tell, and of another machine's training the weights alone are known.
    """
    if [call.operator for call in step.calls] == [call.operator for call in truth.calls]:
        for call, right in zip(step.calls, truth.calls, strict=True):
            if not call.agrees_with(right):
                kernel = backend.computing_in(EXACT).kernel_for(registry.operator(call.operator))
                return f"{call.operator}/{kernel.name} differs"
    if step.weights != truth.weights:
        return "the weights differ"
    if truth.losses is not None and not losses_agree(np.asarray(step.losses), truth.losses):
        return "the losses differ"
    return None


@raising_fails("epochs", "exact")
def check_epochs(
    backend: Backend, recipe: Recipe, data: Dataset, expected: Sequence[Step]
) -> Check:
    """Train by the backend's epoch: losses and the weights at the end must be the reference's."""
    model = Network(recipe.sizes, backend, precision=EXACT, initial=recipe.initial())
    device = DeviceData.load(model, data.train_images, data.train_labels)
    space, losses = backend.space, []
    for order in recipe.orders(len(data.train_labels)):
        found = model.epoch(
            device.images, device.labels, space.to_device(order), recipe.batch, recipe.rate
        )
        losses.append(space.to_host(found))
    wrong = None
    if weights_sha256(model.get_parameters()) != expected[-1].weights:
        wrong = "the weights after training by epochs differ"
    true_losses = [step.losses for step in expected if step.losses is not None]
    if true_losses and not losses_agree(np.concatenate(losses), np.concatenate(true_losses)):
        wrong = wrong or "the losses of training by epochs differ"
    detail = wrong or f"{len(losses)} epochs, {sum(map(len, losses)):,} images"
    return Check("epochs", "exact", wrong is None, detail)
