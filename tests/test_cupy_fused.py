"""CuPy's fused kernels: the same tests through a GPU and through the CPU's loops."""

from collections.abc import Callable

import numpy as np
import pytest
from cuda_host import HostCupy, checks, host_backend, needs_compiler
from cuda_host.elementwise import ElementwiseKernel
from cuda_host.reduction import ReductionKernel

from mnist_core import registry
from mnist_core.backends import Backend, Kernel, kernels_in
from mnist_core.data import Dataset
from mnist_core.network import Network
from mnist_core.numerics import certify
from mnist_core.numerics.operator_check import check_operator
from mnist_core.operators import BUILTIN
from mnist_core.precision import FLOAT32, PRECISIONS, TF32, Precision
from mnist_core.training import DeviceData

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = (784, 128, 64, 10)
PACKAGE = "kernels.cupy_fused.operators"
KERNELS = [part for part in kernels_in(PACKAGE)() if isinstance(part, Kernel)]


def fused() -> Backend:
    return host_backend("cupy-elementwise on the host", PACKAGE)


@pytest.fixture(params=[pytest.param("host", marks=needs_compiler), "cupy"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """The backend, run by g++ and the CPU or by CuPy and a GPU."""
    if request.param == "host":
        return fused()
    request.getfixturevalue("gpu")
    return registry.backend("cupy-elementwise")


@pytest.mark.parametrize(
    ("kernel", "precision"),
    [
        pytest.param(kernel, precision, id=f"{kernel.operator.name}={kernel.name}-{name}")
        for kernel in KERNELS
        for name, precision in PRECISIONS.items()
        if kernel.serves(precision) and precision is not TF32  # the same as float32 here
    ],
)
def test_every_kernel_computes_its_operator(
    backend: Backend, kernel: Kernel, precision: Precision
) -> None:
    checks.computes_its_operator(backend, kernel, precision)


def test_every_operator_has_a_kernel_of_its_own() -> None:
    for precision in PRECISIONS.values():
        assert {k.operator for k in KERNELS if k.serves(precision)} == set(BUILTIN)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.operator.name}={k.name}")
def test_the_order_of_elements_makes_no_difference(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.gives_the_same_bits_in_every_order(kernel, fused().space, monkeypatch)


def test_training_is_certified(backend: Backend, small_digits: Dataset) -> None:
    certificate = certify(backend, SIZES, 128, FLOAT32, small_digits)
    assert certificate.passed, certificate.reason
    assert certificate.claim == "float32"


@pytest.mark.long
def test_exact_training_has_the_hash_of_numpy(backend: Backend, small_digits: Dataset) -> None:
    checks.trains_exactly_as_numpy(backend, SIZES, small_digits)


def test_nan_passes_through_relu(backend: Backend) -> None:
    space = backend.space
    nan, zero = (space.to_device(np.full((1, 3), value, "f")) for value in (np.nan, 0))
    out, weight = space.empty((1, 3), "float32"), space.to_device(np.zeros((3, 3), "f"))
    backend.relu(nan, out)
    assert np.isnan(space.to_host(out)).all()
    backend.dense(zero, weight, nan[0], out, activation="relu")
    assert np.isnan(space.to_host(out)).all()


def test_a_step_launches_no_more_than_it_must(
    small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches, backend = checks.Counting(monkeypatch), fused()
    xp = backend.space.xp
    monkeypatch.setattr(xp, "matmul", launches.counted("matmul", xp.matmul))
    network = Network(SIZES, backend)
    data = DeviceData.load(network, small_digits.train_images, small_digits.train_labels)
    network.step(data.images, data.labels, np.arange(128), 0.1)
    hidden = ["mask_gradient", "matmul", "column_sums"]
    assert launches.names == [
        "gather",
        *["matmul", "add_bias_relu"] * 2,
        *["matmul", "add_bias"],
        "softmax_cross_entropy",
        *["matmul", "column_sums", "matmul"],
        *[*hidden, "matmul"],
        *hidden,
        "update",
    ]


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        ("gather_batch", "images[row * features", "images[i / features * features"),
        ("dense", "out + b", "out"),
        ("relu", "z < 0 ? T(0) : z", "z < 0 ? -z : z"),
        ("softmax", "j < classes; ++j) top", "j < classes - 1; ++j) top"),
        ("softmax_cross_entropy", "T(j == label)", "T(j == 0)"),
        ("dense_backward", "out > 0", "out >= 0"),
        ("relu_backward", "out > 0", "out >= 0"),
        ("bias_gradient", "a + b", "a + b / 2"),
        ("sgd", "lr * grad", "(i ? lr : T(0)) * grad"),
    ],
)
def test_planted_fault_is_refused(
    operator: str, before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (ElementwiseKernel, ReductionKernel):
        planted = _planted(kind, before, after)
        monkeypatch.setattr(HostCupy, kind.__name__, staticmethod(planted))
    asked = registry.operator(operator)
    cases = asked.inputs(np.random.RandomState(0))
    assert not check_operator(fused(), asked, FLOAT32, cases).passed


def _planted(kind: Callable[..., object], before: str, after: str) -> Callable[..., object]:
    return lambda *texts: kind(*(text.replace(before, after) for text in texts))
