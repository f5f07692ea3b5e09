"""Numerics: what is an error, how much of it is allowed, and what a certificate says."""

import json
from itertools import product
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest
from precisions import UNROUNDED
from scipy.stats import chi2, norm

from mnist_core import registry
from mnist_core.backends import Backend, kernel
from mnist_core.data import Dataset
from mnist_core.numerics import Certificate, certify
from mnist_core.numerics.check import Check
from mnist_core.numerics.errors import (
    DEVIATIONS,
    ELEMENT_FACTOR,
    OWN_FACTOR,
    bound,
    compare,
    distance,
    scatter,
)
from mnist_core.numerics.gradients import check_differences
from mnist_core.operators import dense, dense_backward
from mnist_core.precision import FLOAT32, Precision

Array = Any

U = FLOAT32.roundoff


# Errors and their bounds


def test_bound_is_numpys_error_or_a_random_walk_of_roundings() -> None:
    many = 10**18
    assert bound(0, U, 9, many) == pytest.approx(3 * U)
    assert bound(0, U, 900, many) == pytest.approx(12 * U)
    assert bound(5 * U, U, 9, many) == OWN_FACTOR * 5 * U


def test_the_norm_of_few_errors_may_scatter_as_chi_squared_does() -> None:
    beyond = norm.sf(DEVIATIONS)
    for n in (3, 6, 100, 10_000):
        assert scatter(n) == pytest.approx(np.sqrt(chi2.isf(beyond, n) / n), rel=0.06)


def test_a_plain_running_sum_is_within_the_bound_whatever_the_number_of_results() -> None:
    rng = np.random.RandomState(0)
    for _ in range(200):
        terms = rng.random_sample((5000, 6)).astype(np.float32)
        total = np.zeros(6, np.float32)
        for row in terms:
            total += row
        truth = terms.sum(axis=0, dtype=np.float64)
        error = np.linalg.norm(total - truth) / np.linalg.norm(truth)
        assert error < bound(0, U, 5000, 6)


def judged(computed: Array, truth: Array, scale: Array = None, equal: bool = False) -> Any:
    """Comparison in float32, NumPy's own result being the truth rounded."""
    truth = np.asarray(truth, np.float64)
    return compare(
        np.asarray(computed, np.float32),
        truth,
        truth.astype(np.float32),
        np.abs(truth) if scale is None else np.asarray(scale, np.float64),
        reduction=1,
        roundoff=U,
        equal=equal,
    )


def test_equal_results_have_no_error() -> None:
    comparison = judged([[1, 2], [0, -4]], [[1, 2], [0, -4]])
    assert (comparison.passed, comparison.error, comparison.error_ratio) == (True, 0, 0)


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_finite_always_fails(value: float, equal: bool) -> None:
    # Even where a scale is so large that any finite error would pass.
    comparison = judged([[1, 2], [value, 4]], [[1, 2], [3, 4]], np.full((2, 2), 1e30), equal)
    assert not comparison.passed
    assert comparison.element == (1, 0)


def test_where_the_scale_is_zero_the_result_must_be_exact() -> None:
    assert judged([0, 1], [0, 1], scale=[0, 1]).passed
    comparison = judged([1e-30, 1], [0, 1], scale=[0, 1])
    assert not comparison.passed
    assert comparison.element == (0,)


def test_where_equality_is_asked_one_bit_fails() -> None:
    truth = np.arange(1, 5, dtype=np.float32)
    off = truth.copy()
    off[2] = np.nextafter(off[2], np.float32(9))
    assert judged(truth, truth, equal=True).passed
    assert judged(off, truth, equal=False).passed
    comparison = judged(off, truth, equal=True)
    assert (comparison.passed, comparison.element) == (False, (2,))


@pytest.mark.parametrize(("share", "passes"), [(0.3, True), (0.4, False)])
def test_bound_holds_in_norm(share: float, passes: bool) -> None:
    """Errors of 4 u in a share of the elements are 4 u sqrt(share) in norm: 2.2 u and 2.5 u."""
    assert 2.2 * U < bound(0, U, 1, 1000) < 2.5 * U
    truth = np.full(1000, 2.0**20)
    error = np.where(np.arange(1000) < share * 1000, 4 * U, 0)
    assert judged(truth * (1 + error), truth).passed == passes


def test_one_wrong_element_of_100_000_fails_though_the_norm_allows_it() -> None:
    truth = np.random.RandomState(0).standard_normal((1000, 100)).astype(np.float32)
    bound_in_norm = bound(0, U, 1, truth.size)
    limit = ELEMENT_FACTOR * bound_in_norm
    for factor, passes in ((0.8, True), (1.2, False)):
        off = truth.copy()
        off[123, 45] *= np.float32(1 + factor * limit)
        assert np.linalg.norm(off - truth) / np.linalg.norm(truth) < bound_in_norm / 10
        comparison = judged(off, truth)
        assert (comparison.passed, comparison.element) == (passes, (123, 45))


def test_zeros_fail() -> None:
    assert not judged(np.zeros(3), [1e-3, 2e-3, 3e-3]).passed


def test_distance_is_relative_and_knows_zero() -> None:
    assert distance(np.array([3, 4.5]), np.array([3, 4.0])) == 0.1
    # Where no unit is active the true gradient is zero.
    assert distance(np.zeros(2), np.zeros(2)) == 0
    assert distance(np.array([0, 1e-30]), np.zeros(2)) == inf
    assert not distance(np.array([nan]), np.ones(1)) <= inf


def test_wrong_reference_is_seen_by_central_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_differences(0).passed
    right = dense_backward._reference

    def wrong(*arrays: Array, activation: str) -> Any:
        dw, db, dx = right(*arrays, activation=activation)
        return dw, db * (1 + 1e-3), dx

    monkeypatch.setattr(dense_backward, "_reference", wrong)
    assert not check_differences(0).passed


# Certificates


@pytest.mark.usefixtures("one_thread")
def test_certificate_is_json_without_nan(small_digits: Dataset) -> None:
    @kernel(dense)
    def stale(*arrays: Array, activation: str) -> None:
        pass

    for kernels, passes in (((), True), ((stale,), False)):
        backend = Backend("certified", base="numpy", kernels=kernels)
        certificate = certify(backend, (784, 10), 7, FLOAT32, small_digits)
        text = json.dumps(certificate.as_dict(), allow_nan=False)
        plain = json.loads(text)
        assert plain["passed"] is passes
        assert plain["claim"] == ("float32" if passes else "")
        assert (plain["reason"] is None) is passes
        assert [check["name"] for check in plain["checks"]] == [c.name for c in certificate.checks]
        assert ("weights" in plain["hashes"]) is passes


@pytest.mark.usefixtures("one_thread")
def test_certificates_of_two_backends_began_alike(small_digits: Dataset) -> None:
    begun = []
    for name in ("numpy", "bare-numpy"):
        certificate = certify(registry.backend(name), (784, 10), 7, FLOAT32, small_digits)
        begun.append({k: v for k, v in certificate.hashes.items() if k != "weights"})
    assert begun[0] == begun[1]
    assert set(begun[0]) == {"data", "initial_weights", "order"}
    assert begun[0]["data"] == small_digits.sha256


@pytest.mark.usefixtures("one_thread")
def test_another_seed_is_another_beginning(small_digits: Dataset) -> None:
    numpy = registry.backend("numpy")
    first, second = (
        certify(numpy, (784, 10), 7, FLOAT32, small_digits, seed=seed) for seed in (0, 1)
    )
    assert first.passed
    assert second.passed
    assert first.hashes["data"] == second.hashes["data"]
    for name in ("initial_weights", "order", "weights"):
        assert first.hashes[name] != second.hashes[name]


def certificate_of(*checks: Check) -> Certificate:
    return Certificate("mine", "784-10", 7, "float32", 0, 0.1, checks, {})


def test_reason_is_the_first_failure() -> None:
    passed, failed = Check("a", "operator", True, "fine"), Check("b", "operator", False, "wrong")
    worse = Check("c", "operator", False, "worse")
    assert certificate_of(passed, failed, worse).reason == "wrong"
    assert certificate_of(passed).reason is None
    assert certificate_of(passed).claim == "float32"


def test_error_ratio_is_the_worst_that_is_a_number() -> None:
    certificate = certificate_of(
        Check("dense", "operator", True, "", 3.0),
        Check("sgd", "operator", False, "", inf),
        Check("step", "trajectory", True, "", 1.5),
        Check("epoch", "trajectory", True, "", 2.0),
        Check("deterministic", "deterministic", True, ""),
    )
    assert certificate.error_ratio() == 2
    assert certificate.error_ratio("dense") == 3
    assert certificate.error_ratio("sgd") is None
    assert certificate.error_ratio("no such") is None


@pytest.mark.usefixtures("one_thread")
def test_dead_layers_are_no_reason_to_refuse(small_digits: Dataset) -> None:
    """With seed 2 and one image a batch, no unit of the small layer is active: gradients of 0."""
    certificate = certify(registry.backend("numpy"), (784, 2, 10), 1, FLOAT32, small_digits, seed=2)
    assert certificate.passed, certificate.reason


# Every own backend is certified

WIDER = [precision for precision in UNROUNDED if precision is not FLOAT32]

NETWORKS = ((784, 128, 64, 10), (784, 10), (784, 33, 17, 5, 10))


def check_certified(
    backend: Backend, sizes: tuple[int, ...], batch: int, precision: Precision, data: Dataset
) -> None:
    certificate = certify(backend, sizes, batch, precision, data)
    assert certificate.passed, certificate.reason
    if precision.name == "exact":
        assert certificate.claim == f"exact:{certificate.hashes['weights'][:16]}"
        return
    ratio = certificate.error_ratio()
    assert ratio is not None
    assert not isnan(ratio)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("sizes", "batch"), [*zip(NETWORKS[1:], (97, 7), strict=True)])
def test_every_backend_is_certified(
    backend: Backend, sizes: tuple[int, ...], batch: int, small_digits: Dataset
) -> None:
    check_certified(backend, sizes, batch, FLOAT32, small_digits)


CERTIFIED = [
    *(product([FLOAT32], NETWORKS, (1, 7, 97, 128))),
    *((kind, *case) for kind in WIDER for case in zip(NETWORKS, (7, 128, 97), strict=True)),
]
"""Every network and batch in float32; in the others every network, and every batch above 1."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("precision", "sizes", "batch"), CERTIFIED, ids=lambda value: getattr(value, "name", str(value))
)
def test_every_backend_is_certified_for_every_batch_on_all_threads(
    backend: Backend,
    sizes: tuple[int, ...],
    batch: int,
    precision: Precision,
    small_digits: Dataset,
) -> None:
    check_certified(backend, sizes, batch, precision, small_digits)
