"""What there is to time: the cases of a run, and each case as a function of no arguments."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from mnist_core import registry
from mnist_core.backends import Backend, Kernel
from mnist_core.data import Dataset
from mnist_core.network import Network, initial_parameters
from mnist_core.operators import Case as Call
from mnist_core.operators import HostArray, Operator
from mnist_core.precision import Precision, precision
from mnist_core.training import DeviceData, permutations

LEVELS = ("epoch", "step", "forward", "backward", "operator")
"""In the order in which they are timed and shown: what people ask for first comes first."""

_WARM_STEPS = 3

_CALLS = {
    "forward": ("dense",),
    "backward": ("softmax_cross_entropy", "dense_backward"),
    "step": ("gather_batch", "dense", "softmax_cross_entropy", "dense_backward", "sgd"),
}


_COMPOSED_OF = {"step": ("forward", "backward"), "epoch": ("step", "forward", "backward")}


@dataclass(frozen=True)
class Case:
    """One thing to time on every backend."""

    level: str
    operator: str | None
    network: tuple[int, ...]
    batch: int

    @property
    def what(self) -> str:
        """The operator, or the level where it is a level above the operators."""
        return self.operator or self.level

    @property
    def label(self) -> str:
        """How progress and messages name it."""
        return f"{self.what}, {self.network_name}, batch {self.batch}"

    @property
    def network_name(self) -> str:
        """Layer sizes as people write them: 784-128-64-10."""
        return "-".join(map(str, self.network))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Case":
        """Inverse of `as_dict`, also after JSON made the network a list."""
        return cls(**{**values, "network": tuple(values["network"])})


def computed_by(backend: Backend) -> list[str]:
    """Levels and operators that a backend is timed at.

    A peer is somebody else's way to compute: where it would only borrow the suite's own kernels, a
    row of its name would tell nothing of it.
    """
    operators = list(registry.operators())
    if backend.role == "own":
        return [*LEVELS, *operators]
    parts = [part for part in backend.parts if part.serves(backend.precision)]
    own = [p.operator.name if isinstance(p, Kernel) else p.level for p in parts]
    if any(name in operators for name in own):
        return [*LEVELS, *(name for name in operators if name in own)]
    return [level for level in LEVELS if {level, *_COMPOSED_OF.get(level, ())} & set(own)]


def cases(
    networks: Sequence[tuple[int, ...]],
    batches: Sequence[int],
    levels: Sequence[str],
    operators: Sequence[str],
) -> list[Case]:
    """All cases of a run; naming an operator asks for its level."""
    found = []
    for network in networks:
        for batch in batches:
            for level in LEVELS:
                if level not in levels:
                    continue
                names = list(operators) if level == "operator" else [None]
                found += [Case(level, name, network, batch) for name in names]
    return found


@dataclass(frozen=True)
class Task:
    """A case made ready: ``run`` is what the clock sees, ``reset`` and ``warm`` it does not.

    ``reset`` restores the state that runs change; ``warm`` touches caches as a run would.
    """

    run: Callable[[], Any]
    reset: Callable[[], Any]
    warm: Callable[[], Any]
    kernel: str
    images: int
    flops: int
    bytes: int | None

    @property
    def changes_state(self) -> bool:
        """Whether a run begins where the one before ended, unless it is reset."""
        return self.reset is not _nothing


def _nothing() -> None:
    return None


class Bench:
    """One backend with data on its device, making cases ready to be timed."""

    def __init__(
        self, backend: Backend, data: Dataset, precision_name: str, lr: float, seed: int
    ) -> None:
        self.precision: Precision = precision(precision_name)
        self.backend = backend.computing_in(self.precision)
        self.lr = lr
        self.seed = seed
        self._data = data
        self._device_data: DeviceData | None = None

    def prepare(self, case: Case) -> Task:
        """Allocate and set up everything that a case needs."""
        if case.level == "operator":
            assert case.operator is not None
            return self._operator(registry.operator(case.operator), case)
        return self._level(case)

    def _workload(self, operator: Operator, case: Case) -> list[Call]:
        rng = np.random.RandomState([self.seed, 4])
        return list(operator.workload(case.network, case.batch, rng))

    def _operator(self, operator: Operator, case: Case) -> Task:
        """All calls of an operator that one training step makes."""
        function = getattr(self.backend, operator.name)
        work = self._workload(operator, case)
        calls, moved = [], 0
        for call in work:
            inputs, outputs = self._arrays(operator, call)
            moved += operator.bytes(inputs, outputs)
            device = [None if a is None else self.backend.space.to_device(a) for a in outputs]
            arguments = [*map(self.backend.space.to_device, inputs), *device]
            calls.append(partial(function, *arguments, **call.attributes))

        def run() -> None:
            for call in calls:
                call()

        flops = sum(operator.flops(call) for call in work)
        kernel = self.backend.kernel_for(operator).name
        return Task(run, _nothing, run, kernel, case.batch, flops, moved)

    def _arrays(
        self, operator: Operator, call: Call
    ) -> tuple[tuple[HostArray, ...], list[HostArray | None]]:
        """Host inputs of one call, and its outputs that are not inputs, filled by the reference."""
        inputs = call.rounded(self.precision.dtype)
        results = operator.reference(*inputs, **call.attributes)
        outputs: list[HostArray | None] = []
        for name, result in zip(operator.outputs, results, strict=True):
            if name in call.skip:
                outputs.append(None)
            elif name not in operator.in_place:
                floats = result.dtype.kind == "f"
                outputs.append(result.astype(self.precision.dtype) if floats else result)
        return inputs, outputs

    def _flops(self, case: Case) -> int:
        """Useful operations of a level: of the operators' calls that it consists of."""
        level = "step" if case.level == "epoch" else case.level
        operators = [registry.operator(name) for name in _CALLS[level]]
        step = sum(op.flops(call) for op in operators for call in self._workload(op, case))
        if case.level != "epoch":
            return step
        return step * len(self._data.train_labels) // case.batch

    def _training_data(self, network: Network) -> DeviceData:
        if self._device_data is None:
            self._device_data = DeviceData.load(
                network, self._data.train_images, self._data.train_labels
            )
        return self._device_data

    def _level(self, case: Case) -> Task:
        initial = initial_parameters(case.network, self.seed)
        network = Network(case.network, self.backend, precision=self.precision, initial=initial)
        run, warm, images = self._runner(case, network)
        over = self.backend.take_over(case.level)
        return Task(
            run,
            partial(network.set_parameters, initial),
            warm,
            over.name if over else "composed",
            images,
            self._flops(case),
            None,
        )

    def _runner(
        self, case: Case, network: Network
    ) -> tuple[Callable[[], Any], Callable[[], Any], int]:
        """What to run at a level, what to warm up with, and the images that a run sees."""
        data, space = self._training_data(network), self.backend.space
        n = len(self._data.train_labels)
        order = space.to_device(next(permutations(n, self.seed)))
        rate = self.precision.rate(self.lr, case.batch)
        if case.level == "epoch":
            head = order[: _WARM_STEPS * case.batch]
            arguments = (data.images, data.labels)
            epoch = partial(network.epoch, *arguments, order, case.batch, rate)
            warm = partial(network.epoch, *arguments, head, case.batch, rate)
            return epoch, warm, n
        indices = cycle(self._full_batches(order, n, case.batch))
        if case.level == "step":

            def step() -> None:
                network.step(data.images, data.labels, next(indices), rate)

            return step, step, case.batch
        batch = network.buffers(case.batch)
        self.backend.gather_batch(data.images, data.labels, next(indices), batch.x, batch.labels)
        network.forward(batch.x)
        if case.level == "forward":
            run = partial(network.forward, batch.x)
        else:
            run = partial(network.backward, batch.x, batch.labels)
        return run, run, case.batch

    @staticmethod
    def _full_batches(order: Any, n: int, batch: int) -> Iterator[Any]:
        return (order[i : i + batch] for i in range(0, n - batch + 1, batch))
