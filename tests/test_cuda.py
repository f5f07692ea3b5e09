"""The handwritten CUDA kernels: the same tests through a GPU and through the CPU's launcher."""

from collections.abc import Callable

import numpy as np
import pytest
from cuda_host import checks, host_backend, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.cuda import launch, tiling
from mnist_core import operators, registry
from mnist_core.backends import Backend, Kernel, kernel, kernels_in
from mnist_core.data import Dataset
from mnist_core.errors import BackendError
from mnist_core.network import Network
from mnist_core.numerics import certify
from mnist_core.operators import BUILTIN, Array
from mnist_core.precision import FLOAT32, PRECISIONS, TF32, Precision
from mnist_core.training import DeviceData

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = (784, 128, 64, 10)
KERNELS = [part for part in kernels_in("kernels.cuda.operators")() if isinstance(part, Kernel)]


def raw() -> Backend:
    return host_backend("cupy-raw on the host", "kernels.cuda.operators")


def graph() -> Backend:
    return host_backend("cupy-graph on the host", "kernels.cuda.operators", "kernels.cuda.graphs")


HOST = {"cupy-raw": raw, "cupy-graph": graph}
Named = Callable[[str], Backend]


@pytest.fixture(params=[pytest.param("host", marks=needs_compiler), "cupy"])
def named(request: pytest.FixtureRequest) -> Named:
    """Backends by name, run by g++ and the CPU or by CuPy and a GPU."""
    if request.param == "host":
        return lambda name: HOST[name]()
    request.getfixturevalue("gpu")
    return registry.backend


@pytest.mark.parametrize(
    ("declared", "precision"),
    [
        pytest.param(kernel, precision, id=f"{kernel.operator.name}={kernel.name}-{name}")
        for kernel in KERNELS
        for name, precision in PRECISIONS.items()
        # In tf32, what rounds no factors computes what it does in float32.
        if kernel.serves(precision) and not (precision is TF32 and kernel.precision is None)
    ],
)
def test_every_kernel_computes_its_operator(
    named: Named, declared: Kernel, precision: Precision
) -> None:
    checks.computes_its_operator(named("cupy-raw"), declared, precision)


@given(
    batch=st.integers(1, 140),
    n_in=st.integers(1, 300),
    n_out=st.integers(1, 140),
    name=st.sampled_from([k.name for k in KERNELS if k.operator is operators.dense]),
)
@settings(max_examples=40)
def test_rungs_of_dense_are_exact_on_integers_of_any_shape(
    batch: int, n_in: int, n_out: int, name: str
) -> None:
    rng = np.random.RandomState(batch + 1000 * n_in)
    # Up to 3 bits each: what tf32 keeps.
    x, w, b = (rng.randint(-7, 8, s).astype("f") for s in ((batch, n_in), (n_in, n_out), n_out))
    out = np.full((batch, n_out), np.nan, "f")
    backend = raw().computing_in(TF32 if name == "tf32" else FLOAT32).choosing({"dense": name})
    backend.dense(x, w, b, out, activation="linear")
    np.testing.assert_array_equal(out, x @ w + b)


def test_every_operator_has_a_kernel_of_its_own() -> None:
    assert {kernel.operator for kernel in KERNELS} == set(BUILTIN)


@pytest.mark.parametrize("declared", KERNELS, ids=lambda k: f"{k.operator.name}={k.name}")
def test_the_order_of_threads_and_blocks_makes_no_difference(
    declared: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.gives_the_same_bits_in_every_order(declared, raw().space, monkeypatch)


@pytest.mark.parametrize("name", ["cupy-raw", pytest.param("cupy-graph", marks=pytest.mark.long)])
def test_training_is_certified(named: Named, name: str, small_digits: Dataset) -> None:
    certificate = certify(named(name), SIZES, 128, FLOAT32, small_digits)
    assert certificate.passed, certificate.reason
    assert certificate.claim == "float32"


@pytest.mark.long
@pytest.mark.parametrize("name", ["cupy-raw", "cupy-graph"])
def test_exact_training_has_the_hash_of_numpy(
    named: Named, name: str, small_digits: Dataset
) -> None:
    checks.trains_exactly_as_numpy(named(name), SIZES, small_digits)


# Factors rounded to TF32


@pytest.fixture(scope="module")
def factors_cut() -> Callable[[int, str | None], Backend]:
    """NumPy with the factors of dense cut to some bits behind the point."""

    def made(bits: int, precision: str | None) -> Backend:
        cut = Precision("cut", "float32", "float64", factor_bits=bits)

        @kernel(operators.dense, name="cut", precision=precision)
        def dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
            x, w = cut.factors(x, w)
            z = x @ w + b
            out[...] = np.maximum(z, 0) if activation == "relu" else z

        return Backend("cut", base="numpy", kernels=[dense])

    return made


def test_tf32_is_a_precision_of_its_own(factors_cut, small_digits: Dataset) -> None:
    sizes = (784, 32, 10)
    as_tf32 = certify(factors_cut(10, "tf32"), sizes, 64, TF32, small_digits)
    assert as_tf32.claim == "tf32", as_tf32.reason
    as_float32 = certify(factors_cut(10, None), sizes, 64, FLOAT32, small_digits)
    assert "dense/cut: out differs" in (as_float32.reason or "")
    coarser = certify(factors_cut(7, "tf32"), sizes, 64, TF32, small_digits)
    assert "dense/cut: out differs" in (coarser.reason or "")


def test_what_rounds_no_factors_is_not_timed_as_tf32(small_digits: Dataset) -> None:
    certificate = certify(registry.backend("numpy"), (784, 10), 64, TF32, small_digits)
    assert certificate.reason == "no kernel of numpy computes in tf32: take float32"
    assert not certificate.claim


def test_tf32_kernel_cannot_be_chosen_in_float32() -> None:
    assert raw().computing_in(TF32).kernel_for(operators.dense).name == "tf32"
    with pytest.raises(BackendError, match="has no kernel dense=tf32; it has by_shape, tf32x3"):
        raw().choosing({"dense": "tf32"})


# Launches


def test_a_step_launches_no_more_than_it_must(
    small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches = checks.Counting(monkeypatch)
    network = Network(SIZES, raw())
    data = DeviceData.load(network, small_digits.train_images, small_digits.train_labels)
    network.step(data.images, data.labels, np.arange(128), 0.1)
    layers = len(SIZES) - 1
    assert launches.names == [
        "gather_batch",
        *["dense"] * layers,
        "softmax_cross_entropy",
        *["dw_and_db", "dx"] * (layers - 1),
        "dw_and_db",
        "sgd",
    ]


def test_a_replayed_step_launches_nothing_by_itself(
    small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches = checks.Counting(monkeypatch)
    network = Network(SIZES, graph())
    data = DeviceData.load(network, small_digits.train_images, small_digits.train_labels)
    asked = []
    for _ in range(4):
        before = len(launches.names)
        network.step(data.images, data.labels, np.arange(128), 0.1)
        asked.append(len(launches.names) - before)
    # As it stands, captured, then replayed; the host's graph calls kernels below what is counted.
    assert asked[0] == asked[1] > 0
    assert asked[2:] == [0, 0]


def test_graphs_follow_new_images_rates_and_batches(named: Named, small_digits: Dataset) -> None:
    """What a graph would hold on to: the weights are those of a backend without graphs."""
    trained = [replayed(named(name), small_digits) for name in ("cupy-raw", "cupy-graph")]
    for plain, replay in zip(*trained, strict=True):
        np.testing.assert_array_equal(plain, replay)


def replayed(backend: Backend, data: Dataset) -> list[np.ndarray]:
    """Losses and weights of steps and epochs that differ in all that graphs are kept for."""
    network, space, seen = Network(SIZES, backend), backend.space, []
    for first, batch, lr in ((0, 64, 0.1), (0, 96, 0.1), (500, 64, 0.1), (0, 64, 0.3)):
        # Those of the turn before are gone: their addresses may be used again.
        on_device = DeviceData.load(network, data.train_images[first:], data.train_labels[first:])
        for start in (0, 200, 400):
            index = space.to_device(np.arange(start, start + batch))
            step = network.step(on_device.images, on_device.labels, index, lr)
            seen.append(space.to_host(step))
        for n in (300, 100, 300, 100, 300):
            order = space.to_device(np.arange(n)[::-1].copy())
            epoch = network.epoch(on_device.images, on_device.labels, order, batch, lr)
            seen.append(space.to_host(epoch))
    return [*seen, space.to_host(network.parameters)]


def test_epochs_of_two_lengths_in_turn_are_captured_once_each(
    small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a warm-up of some batches before each timed epoch."""
    launches, network = checks.Counting(monkeypatch), Network(SIZES, graph())
    data = DeviceData.load(network, small_digits.train_images, small_digits.train_labels)
    asked = []
    for _ in range(4):
        for n in (192, 500):
            before = len(launches.names)
            network.epoch(data.images, data.labels, np.arange(n), 64, 0.1)
            asked.append(len(launches.names) - before)
    assert all(asked[:2])
    assert not any(asked[4:])


# What cannot be launched


def test_sizes_beyond_an_int_are_refused() -> None:
    with pytest.raises(BackendError, match="2147483648 elements are more than a 32-bit index"):
        launch.counts(3, 2**31)


def test_kernel_for_a_newer_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "least_architecture", lambda file: 100)
    with pytest.raises(
        BackendError, match=r"sgd\.cu needs a GPU of sm_100 or later; this is sm_90"
    ):
        launch.function(raw().space, "sgd.cu", "sgd", np.dtype("float32"))


def test_kernel_that_does_not_compile_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "source", lambda file: 'extern "C" __global__ void sgd(')
    with pytest.raises(
        BackendError, match=r"^sgd\.cu cannot be compiled: CompileError: .*error"
    ) as e:
        launch.function(raw().space, "sgd.cu", "sgd", np.dtype("float32"))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("rows", "columns", "depth", "side", "least"),
    [
        (1, 1, 1, 64, 1),
        (128, 128, 784, 64, 40),
        (60_000, 128, 784, 128, 400),
        (784, 128, 128, 64, 50),  # the gradient of the first layer's weights
        (784, 128, 8192, 128, 115),
        (784, 128, 60_000, 128, 115),
    ],
)
def test_tilings_cover_the_product_and_fill_the_gpu(
    rows: int, columns: int, depth: int, side: int, least: int
) -> None:
    cut = tiling.best(rows, columns, depth, np.dtype("float32"))
    assert cut.side == side
    assert cut.down * side >= rows
    assert cut.across * side >= columns
    assert 1 <= cut.parts <= max(1, depth // 64)
    assert cut.down * cut.across * cut.parts >= least
    if cut.parts > 1:
        assert cut.down * cut.across * cut.parts <= tiling.ENOUGH[side]


def test_counters_are_left_at_zero() -> None:
    network = Network(SIZES, raw())
    images = np.zeros((300, 784), np.uint8)
    network.step(images, np.zeros(300, np.int64), np.arange(300), 0.1)
    scratch = network.backend.space._scratch
    counters = [array for key, array in scratch.items() if key[0] == "counters"]
    assert counters
    assert not any(array.any() for array in counters)
