"""Wrong backends are refused, each by the check that should see it; unusual ones are not."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from adversaries import ADVERSARIES, RIGHT, Adversary, honest, kernels, levels, memory
from adversaries.memory import Memorised

from mnist_core.backends import Backend, Kernel
from mnist_core.data import Dataset
from mnist_core.numerics import certify, certify_exact, exact, trajectory
from mnist_core.numerics.certificate import check_operators
from mnist_core.numerics.check import Check
from mnist_core.numerics.course import Course, plan_course
from mnist_core.numerics.gradients import check_forward, check_gradients
from mnist_core.numerics.operator_check import check_operator
from mnist_core.operators import BUILTIN, dense
from mnist_core.precision import FLOAT32

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES, BATCH, SEED = (784, 16, 10), 32, 0
RECIPE = exact.Recipe(SIZES, BATCH, 0.125, SEED, steps=10)

by_name = {adversary.name: adversary for adversary in ADVERSARIES}
assert len(by_name) == len(ADVERSARIES), (kernels, levels, memory)


@pytest.fixture(scope="module")
def course(small_digits: Dataset) -> Course:
    return plan_course(SIZES, BATCH, FLOAT32, small_digits, 0.125, SEED)


@pytest.fixture(scope="module")
def milestones(course: Course) -> list[trajectory.Milestone]:
    return list(trajectory.walk(course, SEED))


@pytest.fixture(scope="module")
def truth(small_digits: Dataset) -> list[exact.Step]:
    return exact.reference_steps(RECIPE, small_digits)


@pytest.fixture(scope="module")
def right() -> dict[str, Check]:
    """How the kernels do that adversaries have from their base."""
    checks = check_operators(RIGHT, SIZES, BATCH, FLOAT32, SEED)
    return {check.name: check for check in checks}


def operator_checks(backend: Backend, right: dict[str, Check]) -> Iterator[Check]:
    """Of every operator; what the base computes was checked once."""
    own = {part.operator for part in backend.parts if isinstance(part, Kernel)}
    for operator in BUILTIN:
        if operator in own:
            rng = np.random.RandomState([SEED, 3])
            yield check_operator(backend, operator, FLOAT32, operator.inputs(rng))
        else:
            yield right[operator.name]


@pytest.fixture
def checks(right, course, milestones, truth, small_digits: Dataset):
    """Every check of a backend, whatever those before it came to."""

    def run(backend: Backend) -> Iterator[Check]:
        yield from operator_checks(backend, right)
        yield check_forward(backend, SIZES, BATCH, FLOAT32, SEED)
        yield check_gradients(backend, SIZES, BATCH, FLOAT32, SEED)
        yield trajectory.check_steps(backend, course, milestones)
        yield trajectory.check_epochs(backend, course, milestones)
        yield trajectory.check_deterministic(backend, course)
        yield exact.check_steps(backend, RECIPE, small_digits, truth)

    with np.errstate(all="ignore"):  # they overflow, and may
        yield run


@pytest.mark.parametrize("name", by_name)
def test_adversary_is_refused_by_the_check_that_should_see_it(
    name: str, checks, record_property
) -> None:
    adversary: Adversary = by_name[name]
    found = {check.name: check for check in checks(adversary.backend)}
    held = {check.name: check.passed for check in found.values()}
    record_property("adversary", {name: held})  # conftest.py prints all of them
    seen = found[adversary.seen_by]
    assert not seen.passed
    assert re.search(re.escape(adversary.said).replace("…", ".*"), seen.detail)
    assert all("\n" not in check.detail for check in found.values())


def test_there_is_an_adversary_of_every_operator_and_every_check() -> None:
    seen = {adversary.seen_by for adversary in ADVERSARIES}
    assert seen >= {operator.name for operator in BUILTIN}
    assert seen >= {"forward", "gradients", "step", "epoch", "deterministic"}
    assert len(ADVERSARIES) >= 20


def test_a_refusal_ends_the_certificate(small_digits: Dataset) -> None:
    certificate = certify(by_name["step-two_updates"].backend, SIZES, BATCH, FLOAT32, small_digits)
    assert [check.name for check in certificate.checks if not check.passed] == ["step"]
    assert certificate.claim == ""
    assert certificate.reason is not None
    assert "weights" not in certificate.hashes


def test_what_knows_the_inputs_of_one_seed_is_refused_at_another(small_digits: Dataset) -> None:
    memorised = Memorised()
    backend = memorised.backend()
    assert certify(backend, SIZES, BATCH, FLOAT32, small_digits, seed=SEED).passed
    memorised.learning = False
    assert certify(backend, SIZES, BATCH, FLOAT32, small_digits, seed=SEED).passed
    certificate = certify(backend, SIZES, BATCH, FLOAT32, small_digits, seed=1_000_003)
    assert not certificate.passed
    assert certificate.reason.startswith("sgd/compute: param differs from the reference")


@pytest.mark.parametrize("name", ["dense-tf32", "dense-bf16"])
def test_cut_operands_are_refused_by_the_bound_alone(name: str) -> None:
    """Without the integer probe: by signed sums of 784 terms, where they show most."""
    signed = next(c for c in dense.inputs(np.random.RandomState(0)) if "97x784x128" in c.note)
    assert not signed.exact
    assert not check_operator(by_name[name].backend, dense, FLOAT32, [signed]).passed


# Right, but unusual


@pytest.mark.parametrize(
    "product",
    [
        pytest.param(product, marks=[pytest.mark.long] * (product in honest.SLOW))
        for product in honest.HONEST
    ],
    ids=lambda product: product.__name__,
)
def test_honest_backend_is_certified(product, small_digits: Dataset) -> None:
    backend = honest.backend(product)
    certificate = certify(backend, (784, 33, 10), 97, FLOAT32, small_digits)
    assert certificate.passed, certificate.reason
    certificate = certify_exact(backend, (784, 33, 10), 97, small_digits, steps=5)
    assert certificate.passed, certificate.reason


def test_strassen_is_refused_where_large_elements_drown_small_ones(small_digits: Dataset) -> None:
    """Its errors are bounded by the largest elements of all, not by those that an element sums."""
    backend = honest.backend(honest.strassen)
    certificate = certify(backend, (784, 32, 10), 96, FLOAT32, small_digits)
    assert not certificate.passed
    assert "out differs from the reference in row" in certificate.reason
    certificate = certify_exact(backend, (784, 32, 10), 96, small_digits, steps=5)
    assert certificate.passed, certificate.reason
