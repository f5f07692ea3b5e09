"""The array kernels keep to the array standard and never leave the device.

No GPU is needed to see it: array_api_strict has functions of the standard alone, and refuses to
hand arrays of another device to NumPy.
"""

from typing import Any

import numpy as np
import pytest
from precisions import UNROUNDED
from strict_space import DEVICE, StrictSpace

from mnist_core import operators, registry
from mnist_core.arrays import Space
from mnist_core.backends import Backend, array_kernel, kernels_in
from mnist_core.data import Dataset
from mnist_core.network import Network
from mnist_core.numerics import certify
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.operator_check import check_operator
from mnist_core.operators import BUILTIN, Operator
from mnist_core.precision import FLOAT32, FLOAT64, Precision
from mnist_core.training import train

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = (784, 33, 17, 10)

ARRAY_KERNELS = kernels_in("kernels.array.operators")


def strict_backend(*kernels: Any) -> Backend:
    return Backend("strict", space=StrictSpace, kernels=[*kernels, *ARRAY_KERNELS()])


def test_every_operator_has_an_array_kernel() -> None:
    """Else the reference, which is NumPy, would stand in its place below."""
    assert {kernel.operator for kernel in ARRAY_KERNELS()} == set(BUILTIN)


@pytest.mark.parametrize("precision", UNROUNDED, ids=lambda precision: precision.name)
@pytest.mark.parametrize("operator", BUILTIN, ids=lambda operator: operator.name)
def test_array_kernels_stay_on_the_device(operator: Operator, precision: Precision) -> None:
    backend, cases = strict_backend(), operator.inputs(np.random.RandomState(0))
    if precision.name == "exact":
        check = check_exact_operator(backend, operator, cases)
    else:
        check = check_operator(backend, operator, precision, cases)
    assert check.passed, check.detail
    assert check.detail.startswith(("array:", "exact:"))


def test_network_lives_on_the_device() -> None:
    network = Network(SIZES, strict_backend())
    buffers, layer = network.buffers(3), network.layers[0]
    for array in (network.parameters, network.gradient, layer.weight, buffers.x, buffers.labels):
        assert array.device == DEVICE


def test_training_on_the_device_is_certified(small_digits: Dataset) -> None:
    certificate = certify(strict_backend(), SIZES, 32, FLOAT32, small_digits)
    assert certificate.passed, certificate.reason


def test_weights_trained_on_the_device_are_numpys(small_digits: Dataset) -> None:
    """The same calls in the same order, so the same bits but for the ``out`` of products."""
    trained = []
    for backend in (strict_backend(), registry.backend("numpy")):
        network = Network(SIZES, backend, precision=FLOAT64)
        history = train(network, small_digits, epochs=1, batch=128, lr=0.1)
        trained.append((network.get_parameters(), history.epochs[0].test_accuracy))
    (strict, strict_accuracy), (own, accuracy) = trained
    # Sixteen steps move weights by rounding alone: some hundreds of roundoffs of 1e-16.
    for a, b in zip(sum(strict, ()), sum(own, ()), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)
    assert strict_accuracy == accuracy


# That the proof can fail


def through_numpy(array: Any) -> np.ndarray:
    return np.maximum(np.asarray(array), 0)


def beyond_the_standard(array: Any) -> Any:
    return array.clip(0)


def numpy_operand(array: Any) -> Any:
    return array * np.ones(array.shape, np.float32)


@pytest.mark.parametrize(
    ("trespass", "raised"),
    [
        (through_numpy, "RuntimeError: Can't convert array on the"),
        (beyond_the_standard, "AttributeError"),
        (numpy_operand, "TypeError"),
    ],
)
def test_kernel_that_leaves_the_device_is_refused(trespass: Any, raised: str) -> None:
    @array_kernel(operators.relu, name="trespassing")
    def relu(space: Space, z: Any, out: Any) -> None:
        out[...] = trespass(z)

    cases = operators.relu.inputs(np.random.RandomState(0))
    check = check_operator(strict_backend(relu), operators.relu, FLOAT32, cases)
    assert not check.passed
    assert f"relu/trespassing: raised {raised}" in check.detail


def test_the_same_kernel_passes_where_the_host_is_the_device() -> None:
    @array_kernel(operators.relu, name="trespassing")
    def relu(space: Space, z: Any, out: Any) -> None:
        out[...] = through_numpy(z)

    cases = operators.relu.inputs(np.random.RandomState(0))
    backend = Backend("host", base="numpy", kernels=[relu])
    assert check_operator(backend, operators.relu, FLOAT32, cases).passed
