"""Operators over shapes, values, places in memory and dtypes that hypothesis draws."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from precisions import UNROUNDED

from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import Backend
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.operator_check import check_operator, run_case
from mnist_core.operators import BUILTIN, Array, Case, HostArray, Operator, values
from mnist_core.precision import FLOAT32, FLOAT64, Precision

pytestmark = pytest.mark.usefixtures("one_thread")

Random = np.random.RandomState
Call = Callable[..., list[HostArray]]


@pytest.fixture
def backend(computing: Backend) -> Backend:
    """A backend on a space of its own: scratch memory of a thousand shapes ends with the test."""
    return on_space(computing, type(computing.space)())


def on_space(backend: Backend, space: Space) -> Backend:
    """The kernels of a backend, for arrays in another space."""
    kernels = [kernel for operator in BUILTIN for kernel in backend.candidates(operator)]
    return Backend(backend.name, space=lambda: space, kernels=kernels)


def examples(number: int, **strategies: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """``given`` with so many examples."""
    # The one fixture that examples share is the backend, and what it keeps is scratch.
    shared = [HealthCheck.function_scoped_fixture]
    chosen = settings(max_examples=number, suppress_health_check=shared)
    return lambda test: chosen(given(**strategies)(test))


any_operator = pytest.mark.parametrize("operator", BUILTIN, ids=lambda operator: operator.name)
any_precision = pytest.mark.parametrize(
    "precision", UNROUNDED, ids=lambda precision: precision.name
)


# What is drawn


KINDS: dict[str, Callable[..., HostArray]] = {
    "normal": values.normal,
    "negative": lambda rng, *shape: -values.positive(rng, *shape),
    # Spikes of some 10: products of hundreds would need more bits than exact precision has.
    "heavy-tailed": lambda rng, *shape: values.heavy_tailed(rng, *shape) / 16,
    "sparse": lambda rng, *shape: values.normal(rng, *shape) * (rng.random_sample(shape) < 0.1),
    # Of few bits, so that sums are exact: those of equal terms round the same way each time, which
    # is no random walk and beyond the bound on one.
    "equal": lambda rng, *shape: np.full(shape, rng.randint(-40, 41) / 8),
}


def any_logits(rng: Random, batch: int, classes: int) -> HostArray:
    # Not of the kinds above: what stands 17 below its row's maximum is lost in a running sum of
    # exponentials, and many such are again more than a random walk.
    drawn = [logits for _, logits in values.logits(rng, batch, classes)]
    return drawn[rng.randint(len(drawn))]


batches, widths, seeds = st.integers(1, 200), st.integers(1, 70), st.integers(0, 2**32 - 1)
kinds, rngs = st.sampled_from(list(KINDS)), st.builds(Random, seeds)
drawn_cases = st.fixed_dictionaries(
    {"batch": batches, "n_in": widths, "n_out": widths, "kind": kinds, "seed": seeds}
)


def case_of(operator: Operator, batch: int, n_in: int, n_out: int, kind: str, seed: int) -> Case:
    """A call of ``operator`` with what its inputs' names say."""
    rng, draw = Random(seed), KINDS[kind]
    draws = {
        "images": lambda: rng.randint(0, 256, (batch, n_in)).astype(np.uint8),
        "labels": lambda: rng.randint(0, n_out, batch),
        "index": lambda: rng.randint(0, batch, n_out),
        "logits": lambda: any_logits(rng, batch, n_out),
        "x": lambda: draw(rng, batch, n_in),
        "w": lambda: draw(rng, n_in, n_out),
        "b": lambda: draw(rng, n_out),
        "out": lambda: np.maximum(draw(rng, batch, n_out), 0),
    }
    inputs = [draws.get(name, lambda: draw(rng, batch, n_out))() for name in operator.input_names]
    if operator is operators.sgd:
        inputs = [a.reshape(-1) for a in inputs]
    attributes = {"activation": rng.choice(["linear", "relu"]), "lr": 10 ** rng.uniform(-4, 0)}
    own = {name: attributes[name] for name in operator.attribute_names}
    skip = frozenset({"dx"} if rng.randint(3) == 0 else ())
    return Case(tuple(inputs), own, f"{kind} values", skip=skip)


# Against the reference


def assert_right(backend: Backend, operator: Operator, precision: Precision, case: Case) -> None:
    if precision.name == "exact":
        check = check_exact_operator(backend, operator, [case])
    else:
        check = check_operator(backend, operator, precision, [case])
    assert check.passed, check.detail
    # In exact precision, cases that need too many bits would be left out.
    assert "1 cases" in check.detail


@any_operator
@any_precision
@examples(40, drawn=drawn_cases)
def test_every_backend_computes_every_operator(
    backend: Backend, operator: Operator, precision: Precision, drawn: dict[str, Any]
) -> None:
    assert_right(backend, operator, precision, case_of(operator, **drawn))


def within_larger(space: Space, offset: int, kept: list[tuple[Array, HostArray, slice]]) -> Space:
    """The space with every array a slice of a larger one; ``kept`` gets these as they were."""

    def to_device(host: HostArray) -> Array:
        place = slice(offset, offset + host.size)
        # Each has another number around it, so that what is copied over from one shows in the next.
        larger = np.full(place.stop + 40, 101 + len(kept)).astype(host.dtype)
        larger[place] = host.reshape(-1)
        kept.append((space.to_device(larger), larger, place))
        return space.xp.reshape(kept[-1][0][place], host.shape)

    other = copy.copy(space)
    other.to_device = to_device
    return other


@any_operator
@any_precision
@examples(20, drawn=drawn_cases, offset=st.integers(16, 40))
def test_kernels_keep_to_their_slices_of_larger_arrays(
    backend: Backend, operator: Operator, precision: Precision, drawn: dict[str, Any], offset: int
) -> None:
    kept: list[tuple[Array, HostArray, slice]] = []
    space = within_larger(backend.space, offset, kept)
    assert_right(on_space(backend, space), operator, precision, case_of(operator, **drawn))
    assert len(kept) >= len(operator.input_names)
    for array, before, place in kept:
        after = backend.space.to_host(array)
        np.testing.assert_array_equal(after[:offset], before[:offset])
        np.testing.assert_array_equal(after[place.stop :], before[place.stop :])


# Without the reference


@pytest.fixture(params=[FLOAT32, FLOAT64], ids=lambda precision: precision.name)
def call(backend: Backend, request: pytest.FixtureRequest) -> Call:
    """``call(operator, *inputs, **attributes)``: all outputs, as host arrays."""
    precision = request.param

    def outputs(operator: Operator, *inputs: HostArray, **attributes: Any) -> list[HostArray]:
        case = Case(inputs, attributes)
        # The reference has a say in their shapes alone.
        like = operator.reference(*case.rounded(precision.dtype), **attributes)
        like = [a.astype(precision.dtype) if a.dtype.kind == "f" else a for a in like]
        kernel = backend.computing_in(precision).kernel_for(operator)
        filled, fault = run_case(kernel, backend.space, case, like, precision.dtype)
        assert fault is None
        return [filled[name] for name in operator.outputs]

    return outputs


def integers(rng: Random, *shape: int) -> HostArray:
    """Integers of which sums of products of two, hundreds of them, are exact in float32."""
    return rng.randint(-9, 10, shape).astype(float)


def fractions(rng: Random, *shape: int) -> HostArray:
    """Logits between -32 and 32 with 7 bits behind the point: no exponential of them vanishes."""
    return rng.randint(-(2**12), 2**12, shape) / 2**7


@examples(30, batch=batches, classes=widths, rng=rngs)
def test_softmax_is_a_distribution_that_does_not_see_a_constant_added(
    call: Call, batch: int, classes: int, rng: Random
) -> None:
    logits, shift = fractions(rng, batch, classes), rng.randint(-(2**10), 2**10, (batch, 1))
    (p,) = call(operators.softmax, logits)
    (moved,) = call(operators.softmax, logits + shift)
    # The sum of the exponentials rounds classes - 1 times, and then each quotient once.
    tolerance = classes * np.finfo(p.dtype).eps / 2
    np.testing.assert_allclose(p.sum(axis=1, dtype=np.longdouble), 1, rtol=0, atol=1.01 * tolerance)
    # Both logits are exact, and so are they less their maximum: the two round alike or, if memory
    # elsewhere has the sum in another order, each as above.
    np.testing.assert_allclose(moved, p, rtol=2.02 * tolerance)


@examples(30, batch=batches, classes=widths, rng=rngs)
def test_cross_entropy_is_no_gain_and_its_gradient_moves_no_sum_of_logits(
    call: Call, batch: int, classes: int, rng: Random
) -> None:
    logits, labels = fractions(rng, batch, classes), rng.randint(0, classes, batch)
    loss, grad = call(operators.softmax_cross_entropy, logits, labels)
    # As for the probabilities; one is taken from that of the label, and all are divided.
    tolerance = (classes + 4) * np.finfo(grad.dtype).eps / 2
    sums = batch * grad.sum(axis=1, dtype=np.longdouble)
    np.testing.assert_allclose(sums, 0, rtol=0, atol=tolerance)
    # A logarithm of at most 5 less a difference of logits of at most 64: roundings of those sizes.
    assert (loss >= -64 * np.finfo(loss.dtype).eps).all()
    # The loss says what the gradient does: exp(-loss) is the probability of the label.
    picked = batch * grad[np.arange(batch), labels].astype(np.longdouble) + 1
    np.testing.assert_allclose(np.exp(-loss), picked, rtol=0, atol=2 * tolerance)


@examples(20, batch=batches, width=widths, kind=kinds, rng=rngs)
def test_relu_splits_numbers_and_its_gradient_is_zero_exactly_where_it_is(
    call: Call, batch: int, width: int, kind: str, rng: Random
) -> None:
    # The gradient is of odd numbers, of which none is zero.
    z, grad = KINDS[kind](rng, batch, width), values.integers(rng, batch, width)
    (out,) = call(operators.relu, z)
    assert (out >= 0).all()
    np.testing.assert_array_equal(call(operators.relu, out)[0], out)
    np.testing.assert_array_equal(out - call(operators.relu, -z)[0], z.astype(out.dtype))
    (dz,) = call(operators.relu_backward, out, grad)
    np.testing.assert_array_equal(dz == 0, out == 0)
    np.testing.assert_array_equal(dz[out > 0], grad[out > 0])


@examples(20, size=st.integers(1, 10_000), kind=kinds, rng=rngs)
def test_sgd_of_no_rate_stays_and_of_rate_one_subtracts(
    call: Call, size: int, kind: str, rng: Random
) -> None:
    param, grad = KINDS[kind](rng, size), KINDS[kind](rng, size)
    (stayed,) = call(operators.sgd, param, grad, lr=0.0)
    np.testing.assert_array_equal(stayed, param.astype(stayed.dtype))
    (moved,) = call(operators.sgd, np.zeros(size), grad, lr=1.0)
    np.testing.assert_array_equal(moved, -grad.astype(moved.dtype))


@examples(20, n=batches, features=widths, rng=rngs)
def test_gathering_a_permutation_and_its_inverse_gives_the_images_back(
    call: Call, n: int, features: int, rng: Random
) -> None:
    labels, images = rng.permutation(n), rng.randint(0, 256, (n, features)).astype(np.uint8)
    images[:, 0] = labels
    batch = images, labels
    # The first puts the labels in order, and so they are its inverse.
    for index, expected in ((np.argsort(labels), np.arange(n)), (labels, labels)):
        x, y = call(operators.gather_batch, *batch, index)
        batch = np.rint(x * 255).astype(np.uint8), y
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(batch[0][:, 0], expected)
    np.testing.assert_array_equal(batch[0], images)


@examples(20, batch=batches, n_in=widths, n_out=widths, rng=rngs)
def test_dense_is_linear_and_its_matrix_is_the_weight(
    call: Call, batch: int, n_in: int, n_out: int, rng: Random
) -> None:
    def layer(x: HostArray) -> HostArray:
        return call(operators.dense, x, w, b, activation="linear")[0]

    w, b = integers(rng, n_in, n_out), integers(rng, n_out)
    x, y = integers(rng, batch, n_in), integers(rng, batch, n_in)
    np.testing.assert_array_equal(layer(np.eye(n_in)), w + b)
    np.testing.assert_array_equal(layer(2 * x - y), 2 * layer(x) - layer(y))


@examples(20, batch=batches, n_in=widths, n_out=widths, rng=rngs)
def test_dense_backward_is_the_transpose_of_dense(
    call: Call, batch: int, n_in: int, n_out: int, rng: Random
) -> None:
    x, w, grad = integers(rng, batch, n_in), integers(rng, n_in, n_out), integers(rng, batch, n_out)
    (out,) = call(operators.dense, x, w, np.zeros(n_out), activation="linear")
    dw, db, dx = call(operators.dense_backward, x, w, out, grad, activation="linear")
    np.testing.assert_array_equal(db, call(operators.bias_gradient, grad)[0])
    # In float64 these sums of integers are exact.
    assert np.vdot(out, grad) == np.vdot(x, dx) == np.vdot(w, dw)
