"""Exact precision: the same bits on every backend, and nothing wrong slips through."""

import hashlib
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_space import strict

from mnist_core import operators, registry
from mnist_core.arrays import Space
from mnist_core.backends import Backend, kernel, takes_over
from mnist_core.data import Dataset
from mnist_core.errors import BackendError, ExactRangeError, NetworkError
from mnist_core.exp_table import ENTRIES, exp_table
from mnist_core.network import Network, initial_parameters
from mnist_core.numerics import certify_exact, exact
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.exact_range import CheckedNetwork
from mnist_core.numerics.reference import REFERENCE, permuted
from mnist_core.operators import BUILTIN, Operator
from mnist_core.precision import EXACT, FLOAT32, PRECISIONS, bits_needed
from mnist_core.training import train

pytestmark = pytest.mark.usefixtures("one_thread")

Array = Any

SIZES, BATCH, STEPS = (784, 16, 12, 10), 32, 5
RECIPE = exact.Recipe(SIZES, BATCH, 0.125, 0, STEPS)


def certified(backend: Backend, data: Dataset, steps: int = STEPS) -> Any:
    return certify_exact(backend, SIZES, BATCH, data, steps=steps)


# One hash


def test_every_backend_has_one_hash(backend: Backend, small_digits: Dataset) -> None:
    certificate = certified(backend, small_digits)
    assert certificate.passed, certificate.reason
    # The hash of this training on any machine: the drawn digits and the initial weights are fixed.
    assert certificate.claim == "exact:5b12bfa16e30ec89"
    assert certificate.hashes["weights"].startswith(certificate.claim.removeprefix("exact:"))
    assert len(certificate.steps) == STEPS
    assert certificate.steps[-1] == certificate.hashes["weights"]


def test_array_code_on_a_device_has_it_too(small_digits: Dataset) -> None:
    certificate = certified(strict, small_digits)
    assert certificate.passed, certificate.reason
    assert certificate.claim == "exact:5b12bfa16e30ec89"


def test_permuted_sums_have_it_too(small_digits: Dataset) -> None:
    certificate = certified(permuted(1, 2, EXACT), small_digits)
    assert certificate.passed, certificate.reason
    assert certificate.claim == "exact:5b12bfa16e30ec89"


@kernel(operators.dense)
def blocks_of_seven(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    out[...] = 0
    for k in reversed(range(0, len(w), 7)):
        out += x[:, k : k + 7] @ w[k : k + 7]
    out += b
    if activation == "relu":
        np.maximum(out, 0, out=out)


def test_blocked_sums_have_it_too(small_digits: Dataset) -> None:
    blocked = Backend("blocked", base="numpy", kernels=[blocks_of_seven])
    certificate = certified(blocked, small_digits)
    assert certificate.passed, certificate.reason
    assert certificate.claim == "exact:5b12bfa16e30ec89"


def test_another_seed_has_another_hash(small_digits: Dataset) -> None:
    first, second = (
        certify_exact(REFERENCE, SIZES, BATCH, small_digits, seed=seed, steps=1) for seed in (0, 1)
    )
    assert first.claim != second.claim


# The rules


def test_exp_table_is_the_rounded_exponential() -> None:
    table = exp_table()
    assert table.shape == (ENTRIES,)
    with localcontext() as context:
        context.prec = 50
        for i in (0, 1, 2, 4095, 4096, 30_000, ENTRIES - 1):
            scaled = (Decimal(-i) / 4096).exp() * 2**30
            assert table[i] * 2.0**30 == int(scaled.to_integral_value())
    assert (
        hashlib.sha256((table * 2.0**30).astype("<i4").tobytes()).hexdigest().startswith("f0539b")
    )


@pytest.mark.parametrize(("lr", "batch", "rate"), [(0.125, 128, 2**-10), (1, 97, 2**-7), (2, 1, 2)])
def test_rate_is_that_of_one_image_of_the_nominal_batch(lr, batch, rate) -> None:
    assert EXACT.rate(lr, batch) == rate
    assert FLOAT32.rate(lr, batch) == lr


def test_learning_rate_that_is_no_power_of_two_is_refused_with_those_that_are_near() -> None:
    with pytest.raises(NetworkError, match=r"0\.1: exact precision takes powers of two; near are"):
        EXACT.rate(0.1, 128)
    with pytest.raises(NetworkError, match=r"0\.0625 and 0\.125"):
        EXACT.rate(0.1, 128)


@given(st.integers(1, 6), st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_products_that_the_rule_allows_are_the_same_in_any_order(m, k, n, seed) -> None:
    rng = np.random.RandomState(seed)
    size_a, size_b = 2 ** rng.randint(1, 24), 2 ** rng.randint(1, 24)
    a = rng.randint(-size_a, size_a + 1, (m, k)).astype(float)
    b = rng.randint(-size_b, size_b + 1, (k, n)).astype(float)
    order = rng.permutation(k)
    if bits_needed(a, b, 0, 0) < 53:
        forwards = sum(np.outer(a[:, i], b[i]) for i in range(k))
        shuffled = sum(np.outer(a[:, i], b[i]) for i in order)
        whole = [[sum(int(p) * int(q) for p, q in zip(r, c, strict=True)) for c in b.T] for r in a]
        np.testing.assert_array_equal(forwards, whole)
        np.testing.assert_array_equal(shuffled, whole)
        np.testing.assert_array_equal(a @ b, whole)


def test_the_rule_counts_the_bits_that_are_needed() -> None:
    one = np.ones((1, 1))
    assert bits_needed(one, one, 0, 0) == 0
    assert bits_needed(np.full((1, 8), 4.0), np.ones((8, 1)), 3, 4) == 5 + 7
    assert bits_needed(one, one, 0, 0, bias=np.array([3.0])) == 2
    assert bits_needed(np.zeros((2, 2)), np.ones((2, 2)), 30, 30) == 0
    assert np.isnan(bits_needed(np.array([[np.nan]]), one, 0, 0))


@pytest.mark.parametrize("scale", [2.0**12, np.inf, np.nan])
def test_sums_that_could_round_name_tensor_step_and_bits(scale, small_digits: Dataset) -> None:
    initial = [(w * scale, b) for w, b in initial_parameters(SIZES)]
    model = CheckedNetwork(SIZES, REFERENCE, precision=EXACT, initial=initial)
    with np.errstate(all="ignore"), pytest.raises(ExactRangeError) as caught:
        train(model, small_digits, epochs=1, batch=BATCH, lr=0.125)
    assert "of layer" in str(caught.value)
    assert "at step 1 needs" in str(caught.value)
    assert "take a smaller learning rate, batch or network" in str(caught.value)


def test_exact_training_learns(small_digits: Dataset) -> None:
    model = CheckedNetwork(SIZES, registry.backend("numpy"), precision=EXACT)
    history = train(model, small_digits, epochs=8, batch=BATCH, lr=0.125)
    single = Network(SIZES, registry.backend("numpy"), precision=FLOAT32)
    expected = train(single, small_digits, epochs=8, batch=BATCH, lr=0.125)
    assert history.epochs[-1].test_accuracy > 0.7
    assert abs(history.epochs[-1].test_accuracy - expected.epochs[-1].test_accuracy) < 0.05


def test_what_training_leaves_stands_on_the_grids(small_digits: Dataset) -> None:
    model = Network(SIZES, registry.backend("numpy"), precision=EXACT)
    train(model, small_digits, epochs=1, batch=BATCH, lr=0.125)
    for value, bits in ((model.parameters, 20), (model.buffers(BATCH).activations[0], 12)):
        scaled = np.ldexp(value, bits)
        np.testing.assert_array_equal(scaled, np.rint(scaled))


# Nothing wrong slips through


CALLS_A_STEP = {
    "gather_batch": 1,
    "dense": len(SIZES) - 1,
    "softmax_cross_entropy": 1,
    "dense_backward": len(SIZES) - 1,
    "sgd": 1,
}


def flipping(operator: Operator, number: int) -> Backend:
    """A backend that is right but for the lowest bit of one number in one call of ``operator``."""
    honest = REFERENCE.computing_in(EXACT).kernel_for(operator)
    compute, calls = honest.bind(REFERENCE.space), 0
    output = "dlogits" if "dlogits" in operator.outputs else operator.outputs[0]

    @kernel(operator, precision=honest.precision)
    def flips(*arrays: Array, **attributes: Any) -> None:
        nonlocal calls
        compute(*arrays, **attributes)
        calls += 1
        if calls == number:
            arrays[operator.place(output)].reshape(-1)[-1:].view(np.int64)[...] ^= 1

    return Backend("flipping", base="numpy", kernels=[flips])


@pytest.fixture(scope="module")
def expected(small_digits: Dataset) -> list[exact.Step]:
    return exact.reference_steps(RECIPE, small_digits)


@pytest.mark.parametrize("name", CALLS_A_STEP)
def test_one_bit_of_one_output_in_one_step_is_seen(name, expected, small_digits: Dataset) -> None:
    operator = registry.operator(name)
    honest = exact.check_steps(flipping(operator, 0), RECIPE, small_digits, expected)
    assert honest.passed, honest.detail
    wrong = flipping(operator, 2 * CALLS_A_STEP[name] + 1)
    check = exact.check_steps(wrong, RECIPE, small_digits, expected)
    assert not check.passed
    assert check.detail == f"{name}/flips differs from the reference at step 3"


@pytest.mark.parametrize("operator", BUILTIN, ids=lambda operator: operator.name)
def test_one_bit_of_any_operator_is_seen_on_its_own_inputs(operator: Operator) -> None:
    cases = list(operator.inputs(np.random.RandomState(0)))
    assert check_exact_operator(flipping(operator, 0), operator, cases).passed
    check = check_exact_operator(flipping(operator, 2), operator, cases)
    assert not check.passed
    assert check.detail.startswith(f"{operator.name}/flips: ")
    assert "differs in row" in check.detail


def test_a_wrong_bit_refuses_the_backend_with_its_reason(small_digits: Dataset) -> None:
    certificate = certified(flipping(operators.sgd, 1), small_digits)
    assert not certificate.passed
    assert certificate.claim == ""
    assert certificate.steps == ()
    assert "weights" not in certificate.hashes
    assert certificate.reason.startswith("sgd/flips: param differs in row 0 of 1")


@takes_over("step", precision="exact")
def twice(network: Network, *arguments: Any) -> Array:
    Network.step.__wrapped__(network, *arguments)
    return Network.step.__wrapped__(network, *arguments)


@takes_over("epoch", precision="exact")
def sorted_images(network: Network, images: Array, labels: Array, order: Array, *rest: Any) -> Any:
    return Network.epoch.__wrapped__(network, images, labels, np.sort(order), *rest)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (twice, "the weights differ from the reference at step 1"),
        (sorted_images, "the weights after training by epochs differ"),
    ],
)
def test_levels_taken_over_are_judged_by_the_weights(part, said, small_digits: Dataset) -> None:
    certificate = certified(Backend("over", base="numpy", kernels=[part]), small_digits)
    assert certificate.reason == said


@takes_over("epoch", precision="exact")
def partial_batches_left_out(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    losses = Network.epoch.__wrapped__(network, images, labels, order, batch, lr)
    network.set_parameters(network.get_parameters())
    return losses[: len(order) // batch * batch]


@takes_over("epoch", precision="exact")
def partial_batches_forgotten(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    whole = order[: len(order) // batch * batch]
    return Network.epoch.__wrapped__(network, images, labels, whole, batch, lr)


@takes_over("forward", precision="exact")
def shifted_logits(network: Network, x: Array) -> Array:
    # Loss and gradients do not see it.
    return Network.forward.__wrapped__(network, x) + 1


@takes_over("step", precision="exact")
def losses_unknown(network: Network, *arguments: Any) -> Array:
    return Network.step.__wrapped__(network, *arguments) * np.nan


@takes_over("epoch", precision="exact")
def weights_between_the_grids(network: Network, *arguments: Any) -> Array:
    losses = Network.epoch.__wrapped__(network, *arguments)
    network.parameters += np.sign(network.parameters) * 0.4 * 2.0**-20
    return losses


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (partial_batches_left_out, "the losses of training by epochs differ"),
        (partial_batches_forgotten, "the weights after training by epochs differ"),
        (shifted_logits, "the logits that forward returns differ"),
        (losses_unknown, "the losses differ from the reference at step 1"),
        (weights_between_the_grids, "the weights after training by epochs differ"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_the_weights_of_whole_batches_do_not_show_is_seen(part, said, small_digits) -> None:
    certificate = certified(Backend("over", base="numpy", kernels=[part]), small_digits)
    assert not certificate.passed
    assert certificate.reason == said


@kernel(operators.softmax_cross_entropy, precision="exact")
def loss_never_written(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    unwritten = np.empty_like(loss)
    REFERENCE.computing_in(EXACT).softmax_cross_entropy(logits, labels, unwritten, dlogits)


def test_a_loss_that_is_not_written_is_seen(small_digits: Dataset) -> None:
    backend = Backend("lossless", base="numpy", kernels=[loss_never_written])
    certificate = certified(backend, small_digits)
    assert "loss is not the logarithm that it should be" in (certificate.reason or "")


def test_a_kernel_of_ones_own_is_what_is_proved_whatever_the_base_has() -> None:
    @kernel(operators.dense)
    def zeros(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        out[...] = 0

    backend = Backend("mine", base="numba", kernels=[zeros]).computing_in(EXACT)
    assert backend.kernel_for(operators.dense).name == "zeros"
    assert backend.kernel_for(operators.dense_backward).name == "blocked"


def test_a_kernel_that_rounds_to_its_grid_itself_is_right(small_digits: Dataset) -> None:
    @kernel(operators.dense, precision="exact")
    def rounding(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        REFERENCE.computing_in(EXACT).dense(x, w, b, out, activation=activation)

    backend = Backend("rounding", base="numpy", kernels=[rounding])
    certificate = certified(backend, small_digits)
    assert certificate.passed, certificate.reason


@pytest.mark.parametrize(
    "declare",
    [lambda p: kernel(operators.relu, precision=p), lambda p: takes_over("step", precision=p)],
)
def test_a_precision_that_nothing_is_used_in_is_refused(declare) -> None:
    with pytest.raises(BackendError, match="'exakt': leave it out, for all floats, or write"):
        declare("exakt")


def test_copies_for_a_precision_share_their_space() -> None:
    backend = Backend("spaced", space=Space, kernels=[])
    assert backend.computing_in(EXACT).space is backend.computing_in(FLOAT32).space


@pytest.mark.parametrize(
    ("batch", "steps", "available", "images"),
    [
        (128, 100, 60_000, 24 * 128 + 97),
        (128, 469, 60_000, 60_000),
        (32, 5, 2000, 32 + 24),
        (60_000, 5, 60_000, 60_000),
        (1, 100, 60_000, 24),
    ],
)
def test_a_training_has_several_epochs_with_partial_batches(batch, steps, available, images):
    recipe = exact.Recipe(SIZES, batch, 0.125, 0, steps)
    assert recipe.images(available) == images
    indices = list(recipe.indices(available))
    assert len(indices) == steps
    assert max(map(len, indices)) == batch
    if 1 < batch < available:
        assert min(map(len, indices)) < batch


def test_levels_taken_over_for_floats_are_composed_in_exact_precision(small_digits) -> None:
    over = takes_over("step")(lambda *arguments: 1 / 0)
    backend = Backend("over", base="numpy", kernels=[over])
    assert backend.take_over("step") is over
    assert backend.computing_in(EXACT).take_over("step") is None
    assert certified(backend, small_digits, steps=1).passed


def test_kernels_for_exact_precision_are_used_there_alone() -> None:
    numba = registry.backend("numba")
    for precision in PRECISIONS.values():
        found = numba.computing_in(precision).kernel_for(operators.dense).name
        assert found == ("blocked" if precision is EXACT else "tiled")
