"""Operators: every backend computes them, and their references and costs are themselves right."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from precisions import UNROUNDED

from mnist_core import operators
from mnist_core.backends import Backend, Kernel
from mnist_core.network import Network
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.operator_check import check_operator
from mnist_core.operators import BUILTIN, Case, Operator
from mnist_core.operators.values import logits as hostile_logits
from mnist_core.precision import FLOAT32, Precision

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=BUILTIN, ids=lambda operator: operator.name)
def operator(request: pytest.FixtureRequest) -> Operator:
    return request.param


def inputs_of(operator: Operator) -> list[Case]:
    return list(operator.inputs(np.random.RandomState(0)))


@pytest.mark.parametrize("precision", UNROUNDED, ids=lambda precision: precision.name)
def test_every_backend_computes_every_operator(
    computing: Backend, operator: Operator, precision: Precision
) -> None:
    cases = inputs_of(operator)
    if precision.name == "exact":
        check = check_exact_operator(computing, operator, cases)
        assert "equal bits" in check.detail
    else:
        check = check_operator(computing, operator, precision, cases)
        assert f"{len(cases)} cases" in check.detail
    assert check.passed, check.detail


def test_inputs_are_the_same_each_time(operator: Operator) -> None:
    for first, second in zip(inputs_of(operator), inputs_of(operator), strict=True):
        for a, b in zip(first.inputs, second.inputs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_integer_probes_leave_nothing_to_round(operator: Operator) -> None:
    """The reference in float32, where sums would round, equals the one in float64."""
    for case in [case for case in inputs_of(operator) if case.exact]:
        narrow = operator.reference(*case.rounded("float32"), **case.attributes)
        wide = operator.reference(*case.inputs, **case.attributes)
        for a, b in zip(narrow, wide, strict=True):
            np.testing.assert_array_equal(a, b)


# Costs


def cost(operator: Operator, *inputs: np.ndarray, **more: object) -> tuple[int, int]:
    case = Case(inputs, **more)
    arrays = case.rounded("float32")
    outputs = operator.reference(*arrays, **case.attributes)
    wanted = [
        None if name in case.skip else out.astype("float32") if out.dtype.kind == "f" else out
        for name, out in zip(operator.outputs, outputs, strict=True)
        if name not in operator.in_place
    ]
    return operator.flops(case), operator.bytes(arrays, wanted)


def test_cost_of_dense() -> None:
    x, w, b = np.ones((3, 5)), np.ones((5, 2)), np.ones(2)
    # 3 x 2 results of 5 products and 5 sums, then bias and activation.
    expected = 3 * 2 * (5 + 5) + 2 * 3 * 2, 4 * (3 * 5 + 5 * 2 + 2 + 3 * 2)
    assert cost(operators.dense, x, w, b, attributes={"activation": "relu"}) == expected


def test_cost_of_dense_backward_with_and_without_dx() -> None:
    arrays = np.ones((3, 5)), np.ones((5, 2)), np.ones((3, 2)), np.ones((3, 2))
    attributes = {"activation": "relu"}
    read = 3 * 5 + 5 * 2 + 3 * 2 + 3 * 2
    both = cost(operators.dense_backward, *arrays, attributes=attributes)
    assert both == (2 * 2 * 3 * 5 * 2 + 2 * 3 * 2, 4 * (read + 5 * 2 + 2 + 3 * 5))
    first = cost(operators.dense_backward, *arrays, attributes=attributes, skip=frozenset({"dx"}))
    assert first == (2 * 3 * 5 * 2 + 2 * 3 * 2, 4 * (read + 5 * 2 + 2))


def test_cost_of_elementwise_operators() -> None:
    z = np.ones((3, 5))
    assert cost(operators.relu, z) == (15, 4 * 30)
    assert cost(operators.relu_backward, z, z) == (15, 4 * 45)
    assert cost(operators.bias_gradient, z) == (15, 4 * 20)
    # The parameters are read and written.
    assert cost(operators.sgd, z[0], z[0], attributes={"lr": 0.1}) == (10, 4 * 15)
    assert operators.sgd.in_place == ("param",)


def test_cost_of_softmax_and_its_loss() -> None:
    logits, labels = np.ones((3, 5)), np.zeros(3, np.int64)
    assert cost(operators.softmax, logits) == (5 * 15, 4 * 30)
    flops, size = cost(operators.softmax_cross_entropy, logits, labels)
    assert (flops, size) == (7 * 15, 4 * (15 + 3 + 15) + 8 * 3)


def test_gathering_a_batch_reads_only_its_rows() -> None:
    labels, index = np.zeros(1000, np.int64), np.arange(3)
    flops, size = cost(operators.gather_batch, np.zeros((1000, 5), np.uint8), labels, index)
    # Bytes in, float32 out; an index, a label in and a label out of 8 bytes each.
    assert (flops, size) == (15, 15 * 1 + 15 * 4 + 3 * 3 * 8)


# References, against computations that share nothing with them


def test_softmax_rows_are_distributions_whatever_the_logits() -> None:
    for note, logits in hostile_logits(np.random.RandomState(1), 50, 10):
        (p,) = operators.softmax.reference(logits)
        assert (p >= 0).all(), note
        # Ten roundings of numbers that sum to one.
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=10 * 2**-53, err_msg=note)


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=12), st.integers(-(2**20), 2**20))
def test_softmax_does_not_see_a_constant_added(row: list[int], constant: int) -> None:
    logits = np.array([row], float)
    (p,) = operators.softmax.reference(logits)
    (moved,) = operators.softmax.reference(logits + constant)
    # Integers of this size subtract exactly: not one bit may differ.
    np.testing.assert_array_equal(p, moved)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_huge_logits_is_finite_and_right(label: int, dtype: str) -> None:
    logits = np.array([[1e4, -1e4]], dtype)
    loss, grad = operators.softmax_cross_entropy.reference(logits, np.array([label]))
    np.testing.assert_array_equal(loss, [2e4 * label])
    np.testing.assert_array_equal(grad, [[0, 0]] if label == 0 else [[1, -1]])


def test_cross_entropy_is_the_logarithm_of_the_softmax() -> None:
    rng = np.random.RandomState(2)
    logits, labels = rng.standard_normal((20, 10)), rng.randint(0, 10, 20)
    loss, _ = operators.softmax_cross_entropy.reference(logits, labels)
    e = np.exp(logits)
    expected = -np.log(e[np.arange(20), labels] / e.sum(axis=1))
    np.testing.assert_allclose(loss, expected, rtol=1e-13)  # some hundred roundoffs


def central_difference(function, array: np.ndarray) -> np.ndarray:
    """Derivative of the number that ``function()`` computes from ``array``, element by element."""
    h, result = 2.0**-20, np.empty_like(array)
    for element in np.ndindex(array.shape):
        kept = array[element]
        array[element] = kept + h
        above = function()
        array[element] = kept - h
        result[element] = (above - function()) / (2 * h)
        array[element] = kept
    return result


DIFFERENCE_ERROR = 1e-8
"""Values of some tens carry an error of 1e-15, divided by a step of 1e-6; the rest is h squared."""


def test_gradient_of_cross_entropy_against_differences() -> None:
    rng = np.random.RandomState(3)
    logits, labels = rng.standard_normal((4, 5)) * 3, rng.randint(0, 5, 4)
    _, grad = operators.softmax_cross_entropy.reference(logits, labels)

    def mean_loss() -> float:
        return operators.softmax_cross_entropy.reference(logits, labels)[0].mean()

    expected = central_difference(mean_loss, logits)
    np.testing.assert_allclose(grad, expected, rtol=0, atol=DIFFERENCE_ERROR)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_dense_backward_against_differences(activation: str) -> None:
    rng = np.random.RandomState(4)
    x, w, b = rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal(3)
    grad = rng.standard_normal((4, 3))
    (out,) = operators.dense.reference(x, w, b, activation=activation)
    assert abs(x @ w + b).min() > 1e-3, "no pre-activation may cross the kink within a difference"

    def weighted() -> float:
        return float((operators.dense.reference(x, w, b, activation=activation)[0] * grad).sum())

    gradients = operators.dense_backward.reference(x, w, out, grad, activation=activation)
    for gradient, array in zip(gradients, (w, b, x), strict=True):
        expected = central_difference(weighted, array)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=DIFFERENCE_ERROR)


# Workloads


def recording(calls: dict[str, list]) -> Backend:
    """The references, noting the shapes of each call and the activation."""
    reference = Backend("recorded references", base="numpy")

    def recorder(operator: Operator) -> Kernel:
        def record(*arrays: np.ndarray | None, **attributes: object) -> None:
            shapes = [None if a is None else a.shape for a in arrays]
            calls[operator.name].append((shapes, attributes.get("activation")))
            getattr(reference, operator.name)(*arrays, **attributes)

        return Kernel("recorder", operator, "cpu", record)

    return Backend("recording", base="numpy", kernels=[recorder(o) for o in BUILTIN])


@pytest.mark.parametrize("sizes", [(12, 10), (12, 9, 10), (12, 9, 8, 7, 10)], ids=str)
def test_workloads_are_the_calls_of_a_step(sizes: tuple[int, ...]) -> None:
    batch, rng = 5, np.random.RandomState(0)
    calls: dict[str, list] = defaultdict(list)
    network = Network(sizes, recording(calls), precision=FLOAT32)
    images, labels = np.zeros((20, sizes[0]), np.uint8), np.zeros(20, np.int64)
    network.step(images, labels, np.arange(batch), 0.1)

    for operator in (operators.dense, operators.dense_backward, operators.softmax_cross_entropy):
        expected = []
        for case in operator.workload(sizes, batch, rng):
            outputs = operator.reference(*case.inputs, **case.attributes)
            named = zip(operator.outputs, outputs, strict=True)
            shapes = [a.shape for a in case.inputs]
            shapes += [None if name in case.skip else a.shape for name, a in named]
            expected.append((shapes, case.attributes.get("activation")))
        assert sorted(calls[operator.name], key=str) == sorted(expected, key=str)

    (gathered,) = operators.gather_batch.workload(sizes, batch, rng)
    assert calls["gather_batch"][0][0][2] == gathered.inputs[2].shape
    (updated,) = operators.sgd.workload(sizes, batch, rng)
    parameters = sum(w.size + b.size for w, b in network.get_parameters())
    assert updated.inputs[0].size == parameters


@pytest.mark.parametrize("sizes", [(12, 10), (12, 9, 8, 7, 10)], ids=str)
def test_parts_of_a_step_have_workloads_too(sizes: tuple[int, ...]) -> None:
    rng = np.random.RandomState(0)
    hidden = sizes[1:-1] or sizes[-1:]
    for operator, widths in (
        (operators.relu, hidden),
        (operators.relu_backward, hidden),
        (operators.bias_gradient, sizes[1:]),
        (operators.softmax, sizes[-1:]),
    ):
        cases = operator.workload(sizes, 5, rng)
        assert [case.inputs[0].shape for case in cases] == [(5, width) for width in widths]
