"""What is asked of every backend's kernels for a GPU, wherever they run."""

from collections.abc import Callable

import numpy as np
import pytest

from cuda_host.namespace import BACKWARD, FORWARD, RawModule
from mnist_core import registry
from mnist_core.arrays import Space
from mnist_core.backends import Backend, Kernel
from mnist_core.data import Dataset
from mnist_core.numerics.certificate import certify_exact
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.operator_check import check_operator, run_case
from mnist_core.precision import EXACT, Precision


def computes_its_operator(backend: Backend, kernel: Kernel, precision: Precision) -> None:
    """The kernel passes on all its operator's inputs."""
    operator = kernel.operator
    chosen = backend.computing_in(precision).choosing({operator.name: kernel.name})
    cases = list(operator.inputs(np.random.RandomState(0)))
    if precision is EXACT:
        check = check_exact_operator(chosen, operator, cases)
    else:
        check = check_operator(chosen, operator, precision, cases)
    assert check.passed, check.detail
    assert check.detail.startswith(f"{kernel.name}: {len(cases)} cases")


def gives_the_same_bits_in_every_order(
    kernel: Kernel, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads and blocks, or elements, first to last, last to first and shuffled."""
    operator = kernel.operator
    dtype = "float64" if kernel.precision == "exact" else "float32"
    for case in list(operator.inputs(np.random.RandomState(0)))[::3]:
        own = operator.reference(*case.rounded(dtype), **case.attributes)
        own = [a.astype(dtype) if a.dtype.kind == "f" else a for a in own]
        bits = set()
        for order in (FORWARD, BACKWARD, 2):
            monkeypatch.setattr(RawModule, "order", order)
            outputs, fault = run_case(kernel, space, case, own, dtype)
            assert fault is None
            bits.add(b"".join(a.tobytes() for a in outputs.values()))
        assert len(bits) == 1, case.note


def trains_exactly_as_numpy(backend: Backend, sizes: tuple[int, ...], data: Dataset) -> None:
    """Every operator's bits on hostile inputs, then 30 steps and their weights after each."""
    certificate, numpy = (
        certify_exact(b, sizes, 128, data, steps=30) for b in (backend, registry.backend("numpy"))
    )
    assert certificate.passed, certificate.reason
    assert len(certificate.steps) == 30
    assert certificate.claim == numpy.claim
    assert certificate.steps == numpy.steps


class Counting:
    """The launches of the host's namespace, by the names of their kernels."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        get_function = RawModule.get_function
        monkeypatch.setattr(
            RawModule,
            "get_function",
            lambda module, name: self.counted(name, get_function(module, name)),
        )

    def counted(self, name: str, launch: Callable[..., object]) -> Callable[..., object]:
        """``launch`` under a name."""

        def call(*args: object, **more: object) -> object:
            self.names.append(name)
            return launch(*args, **more)

        return call
