"""A case as a function of no arguments, made ready on one backend."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from bench.machine import last_level_cache
from bench.suite import FUSED, Case, parts_of
from mnist_core import registry
from mnist_core.arrays import Space
from mnist_core.backends import Backend, Work
from mnist_core.data import Dataset
from mnist_core.network import PART, Network, initial_parameters
from mnist_core.operators import Case as Call
from mnist_core.operators import HostArray, Operator
from mnist_core.precision import Precision, precision
from mnist_core.training import DeviceData, Permutations

_WARM_STEPS = 3

_CALLS = {
    "forward": ("dense",),
    "backward": ("softmax_cross_entropy", "dense_backward"),
    "step": ("gather_batch", "dense", "softmax_cross_entropy", "dense_backward", "sgd"),
}


@dataclass(frozen=True)
class Task:
    """A case made ready: ``run`` is what the clock sees, ``reset`` and ``warm`` it does not.

    ``reset`` restores the state that runs change; ``warm`` touches caches as a run would;
    ``flush``, where there is one, comes before each run and drives its arrays out of the caches.
    """

    run: Callable[[], Any]
    reset: Callable[[], Any]
    warm: Callable[[], Any]
    kernel: str
    images: int
    flops: int
    flops_executed: float
    bytes: int | None
    flush: Callable[[], Any] | None = None
    note: str = ""
    """What the one who reads a row should know of how it was computed."""

    @property
    def changes_state(self) -> bool:
        """Whether a run begins where the one before ended, unless it is reset."""
        return self.reset is not _nothing


def _nothing() -> None:
    return None


def cache_flush(space: Space) -> Callable[[], None]:
    """Function that reads and writes as much memory as the last cache holds."""
    size = last_level_cache(space)
    other = space.constant(
        ("flush", size), lambda: space.xp.zeros(size // 4, dtype=space.xp.float32)
    )

    def flush() -> None:
        space.xp.add(other, 1, out=other)

    return flush


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
        if case.level == "part" and case.operator != FUSED:
            return self._part(case)
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

        kernel = self.backend.kernel_for(operator)
        useful = sum(operator.flops(call) for call in work)
        executed = sum(kernel.flops_executed(call) for call in work)
        flush = cache_flush(self.backend.space) if case.cache == "cold" else None
        return Task(run, _nothing, run, kernel.name, case.batch, useful, executed, moved, flush)

    def _part(self, case: Case) -> Task:
        """One call of those that a training step makes, with the step's own arrays."""
        calls: list[tuple[Operator, Sequence[Any], Mapping[str, Any]]] = []
        observed = self.backend.observed_by(lambda *call: calls.append(call))
        initial = initial_parameters(case.network, self.seed)
        network = Network(case.network, observed, precision=self.precision, initial=initial)
        step, _, images = self._runner(replace(case, level="step", operator=None), network)
        step()
        # Of a batch that passes through in parts: those of the first part, and what ends the step.
        parts = parts_of(case.network)
        once = [*calls[: parts.index("sgd")], calls[-1]]
        operator, arrays, attributes = once[parts.index(case.what)]
        run = partial(getattr(self.backend, operator.name), *arrays, **attributes)
        host = [None if a is None else self.backend.space.to_host(a) for a in arrays]
        inputs = tuple(a for a in host[: len(operator.input_names)] if a is not None)
        places = {output: operator.place(output) for output in operator.outputs}
        skip = frozenset(output for output, place in places.items() if host[place] is None)
        call, kernel = Call(inputs, attributes, skip=skip), self.backend.kernel_for(operator)
        return Task(
            run,
            partial(network.set_parameters, initial),
            run,
            kernel.name,
            min(images, PART),
            operator.flops(call),
            kernel.flops_executed(call),
            operator.bytes(inputs, host[len(inputs) :]),
            note=f"one part of {-(-images // PART)}" if images > PART else "",
        )

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

    def _flops(self, case: Case, of: Callable[[Operator, Call], float]) -> float:
        """Operations of a level: ``of`` each of the operators' calls that it consists of."""
        level = "step" if case.level in ("epoch", "part") else case.level
        operators = [registry.operator(name) for name in _CALLS[level]]
        step = sum(of(op, call) for op in operators for call in self._workload(op, case))
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
        over = self.backend.take_over("step" if case.level == "part" else case.level)
        useful = int(self._flops(case, Operator.flops))
        if over is None:
            by_kernel = lambda op, call: self.backend.kernel_for(op).flops_executed(call)  # noqa: E731
            work = Work("composed", self._flops(case, by_kernel) / useful, "")
        elif over.work is None:
            work = Work(over.name, 1.0, "")
        else:
            work = over.work(network, self._training_data(network).images)
        return Task(
            run,
            partial(network.set_parameters, initial),
            warm,
            work.name,
            images,
            useful,
            useful * work.executed,
            None,
            note=work.note,
        )

    def _runner(
        self, case: Case, network: Network
    ) -> tuple[Callable[[], Any], Callable[[], Any], int]:
        """What to run at a level, what to warm up with, and the images that a run sees."""
        data, space = self._training_data(network), self.backend.space
        n = len(self._data.train_labels)
        order = space.to_device(next(Permutations(n, self.seed)))
        rate = self.precision.rate(self.lr, case.batch)
        if case.level == "epoch":
            head = order[: _WARM_STEPS * case.batch]
            arguments = (data.images, data.labels)
            epoch = partial(network.epoch, *arguments, order, case.batch, rate)
            warm = partial(network.epoch, *arguments, head, case.batch, rate)
            return epoch, warm, n
        indices = cycle(self._full_batches(order, n, case.batch))
        if case.level in ("step", "part"):

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
