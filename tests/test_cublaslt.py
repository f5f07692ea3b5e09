"""Levels by cuBLASLt: the same tests through a GPU and through a cuBLASLt of NumPy's."""

import gc
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

import cublaslt_host
import numpy as np
import pytest
from cublaslt_host.library import CublasLt
from cublaslt_host.rules import Layout, check, cuBLASLtError
from cuda_host import host_backend

from kernels import cublaslt
from kernels.cublaslt import plan, product
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.errors import BackendError
from mnist_core.network import Network
from mnist_core.numerics import certify
from mnist_core.precision import EXACT, FLOAT32, FLOAT64, TF32

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = (784, 128, 64, 10)


@pytest.fixture
def lt(monkeypatch: pytest.MonkeyPatch) -> CublasLt:
    return cublaslt_host.installed(monkeypatch)


def host() -> Backend:
    return host_backend("cupy-cublaslt on the host", "kernels.cublaslt.levels")


@pytest.fixture(params=["host", "cublasLt"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """The backend, run by NumPy or by cuBLASLt and a GPU."""
    if request.param == "host":
        request.getfixturevalue("lt")
        return host()
    request.getfixturevalue("gpu")
    found = registry.backend("cupy-cublaslt")
    if found.unavailable():
        pytest.skip(f"needs a GPU and cuBLASLt: {found.unavailable()}")
    return found


@pytest.mark.parametrize(
    ("sizes", "batch"), [(SIZES, 128), ((784, 10), 50), ((784, 40, 130, 33, 10), 97)]
)
def test_training_is_certified(
    backend: Backend, sizes: tuple[int, ...], batch: int, small_digits: Dataset
) -> None:
    certificate = certify(backend, sizes, batch, FLOAT32, small_digits)
    assert certificate.passed, certificate.reason
    assert certificate.claim == "float32"


def trained(network: Network, x: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Activations, losses and gradients of a batch."""
    space = network.backend.space
    x, labels = space.to_device(x), space.to_device(labels)
    network.forward(x)
    losses = network.backward(x, labels)
    arrays = [*network.buffers(len(x)).activations, losses]
    gradients = [a for pair in network.get_gradients() for a in pair]
    return [space.to_host(a) for a in arrays] + gradients


def agrees(network: Network, n: int) -> None:
    """Whether a batch of n leaves what NumPy leaves, in any memory."""
    rng = np.random.RandomState(n)
    x = rng.standard_normal((n, network.sizes[0])).astype("f")
    labels = rng.randint(0, network.sizes[-1], n)
    numpy = Network(network.sizes, registry.backend("numpy"))
    truth = trained(numpy, x, labels)
    for found, wanted in zip(trained(network, x, labels), truth, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(5, 3), (7, 1, 4), (6, 5, 1, 3), (9, 130, 129, 128, 2)])
def test_a_batch_leaves_what_the_composed_levels_leave(
    backend: Backend, sizes: tuple[int, ...]
) -> None:
    network = Network(sizes, backend)
    for n in (128, 37, 1, 2):
        agrees(network, n)


def test_plans_go_with_the_buffers_that_they_are_for(backend: Backend) -> None:
    network = Network((20, 16, 10), backend)
    for n in (8, 5, 64, 5, 8, 64):
        agrees(network, n)
        gc.collect()
    assert set(plan._plans[network]) == {8, 5, 64}
    network.buffers(100)
    agrees(network, 5)
    assert set(plan._plans[network]) == {5}
    before = len(plan._plans)
    del network
    gc.collect()
    assert len(plan._plans) < before


def test_a_product_keeps_the_arrays_whose_addresses_it_holds(lt: CublasLt) -> None:
    x, out = np.ones((4, 3), "f"), np.empty((4, 2), "f")
    made = product.Product(host().space, x, np.ones((3, 2), "f"), out, "DEFAULT")
    gc.collect()
    made(x)
    np.testing.assert_array_equal(out, 3)


def test_images_may_start_anywhere(backend: Backend) -> None:
    network, space = Network((5, 4, 3), backend), backend.space
    numpy = Network((5, 4, 3), registry.backend("numpy"))
    images = np.random.RandomState(0).standard_normal((60, 5)).astype("f")
    device = space.to_device(images)
    for start in (0, 8, 1, 3, 0):
        logits = space.to_host(network.forward(device[start : start + 7]))
        wanted = numpy.forward(images[start : start + 7])
        np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-5)


def test_forward_and_backward_are_eight_launches_beside_the_loss(lt: CublasLt) -> None:
    network = Network(SIZES, host())
    images, labels = np.zeros((300, 784), np.uint8), np.zeros(300, np.int64)
    network.step(images, labels, np.arange(128), 0.1)
    assert lt.calls == [
        *["RELU_AUX_BIAS", "RELU_AUX_BIAS", "BIAS"],
        *["BGRADA", "DRELU_BGRAD", "DEFAULT", "DRELU_BGRAD", "DEFAULT"],
    ]


def test_a_product_is_planned_once(lt: CublasLt, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(SIZES, host())
    images, labels = np.zeros((300, 784), np.uint8), np.zeros(300, np.int64)
    network.step(images, labels, np.arange(128), 0.1)
    monkeypatch.delattr(CublasLt, "matmul_algo_get_heuristic")
    network.step(images, labels, np.arange(128), 0.1)


@pytest.mark.parametrize("precision", [FLOAT64, TF32, EXACT], ids=lambda p: p.name)
def test_other_precisions_are_composed(precision: Any) -> None:
    assert Network((4, 3, 2), host()).take_overs.keys() == {"forward", "backward"}
    assert not Network((4, 3, 2), host(), precision=precision).take_overs


# What is wrong is refused


def planted(monkeypatch: pytest.MonkeyPatch, change: Callable[..., None]) -> None:
    """Products that are made with other arguments."""
    right = product.Product

    def wrong(space: Any, *arrays: Any, **more: Any) -> product.Product:
        arguments = {**dict(zip(("left", "right", "out", "epilogue"), arrays, strict=True)), **more}
        change(arguments)
        return right(space, **arguments)

    monkeypatch.setattr(plan, "Product", wrong)


def no_bias_gradient(arguments: dict[str, Any]) -> None:
    if arguments["epilogue"] == "BGRADA":
        arguments.update(epilogue="DEFAULT")


def bias_gradient_elsewhere(arguments: dict[str, Any]) -> None:
    if arguments["epilogue"] == "DRELU_BGRAD":
        arguments.update(vector=np.zeros_like(arguments["vector"]))


def test_a_bias_gradient_left_out_is_refused(
    lt: CublasLt, small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for change in (no_bias_gradient, bias_gradient_elsewhere):
        with monkeypatch.context() as patch:
            planted(patch, change)
            certificate = certify(host(), (784, 32, 10), 128, FLOAT32, small_digits)
        assert not certificate.passed


def test_masks_swapped_are_refused(
    lt: CublasLt, small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def swap(arguments: dict[str, Any]) -> None:
        if arguments["epilogue"] == "RELU_AUX_BIAS":
            seen.append(arguments["mask"])
        if arguments["epilogue"] == "DRELU_BGRAD":
            masks = [mask for mask in seen if mask.shape == arguments["mask"].shape]
            (other,) = [mask for mask in masks[-2:] if mask is not arguments["mask"]]
            arguments.update(mask=other)

    planted(monkeypatch, swap)
    assert not certify(host(), (784, 32, 32, 10), 128, FLOAT32, small_digits).passed


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"EPILOGUE_AUX_LD": 64}, "a mask in columns of 64 bits for 32 rows"),
        ({"EPILOGUE_AUX_LD": 0}, "a mask in columns of 0 bits"),
        ({"EPILOGUE_AUX_POINTER": 8}, "a mask off 16 bytes"),
        ({"EPILOGUE": 256, "TRANSA": 1}, "BGRADA sums rows of A as it lies"),
        ({"EPILOGUE": 512}, "BGRADB needs B transposed"),
    ],
)
def test_the_host_refuses_what_cublaslt_refuses(changed: dict[str, int], reason: str) -> None:
    attributes = {"TRANSA": 0, "TRANSB": 0, "EPILOGUE": 152, "BIAS_POINTER": 64}
    attributes |= {"EPILOGUE_AUX_LD": 128, "EPILOGUE_AUX_POINTER": 64}
    square = Layout(32, 32, 32)
    check(attributes, square, square, square)
    with pytest.raises(cuBLASLtError, match=reason):
        check(attributes | changed, square, square, square)


def test_what_cublaslt_refuses_is_one_line(lt: CublasLt) -> None:
    x, w, out = np.zeros((4, 1), "f"), np.zeros((6, 1), "f"), np.zeros((4, 6), "f")
    given = {"transposed": "right", "vector": out[0], "mask": np.zeros((4, 16), np.uint8)}
    with pytest.raises(BackendError, match=r"^cuBLASLt refuses DRELU_BGRAD of \(4, 1\).*K=1"):
        product.Product(host().space, x, w, out, "DRELU_BGRAD", **given)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublaslt, "no_cuda", lambda: None)
    monkeypatch.setattr(cublaslt, "find_spec", lambda name: None)
    reason = "nvmath-python is not installed: pip install 'mnist-bench[cublaslt]'"
    assert cublaslt.no_cublaslt() == reason
    monkeypatch.setattr(cublaslt, "find_spec", lambda name: ModuleSpec(name, None))
    assert cublaslt.no_cublaslt() is None
    monkeypatch.setattr(cublaslt, "no_cuda", lambda: "no CUDA device: on holiday")
    assert cublaslt.no_cublaslt() == "no CUDA device: on holiday"
