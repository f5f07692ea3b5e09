"""Certificates: the proof that a backend computes the same training as the reference."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.hashes import sha256
from mnist_core.numerics import exact, trajectory
from mnist_core.numerics.check import Check
from mnist_core.numerics.course import Course, plan_course
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.gradients import check_differences, check_forward, check_gradients
from mnist_core.numerics.operator_check import check_operator
from mnist_core.precision import EXACT, Precision

_CLAIMED_DIGITS = 16

LARGE = 1024
"""Images a step above which `certify_large` leaves operators and gradients at this batch."""

_LARGE_STEPS = 2

_GRADIENT_BATCH = 2048
"""Rows at most for the gradients, which every batch below this is checked at."""


@dataclass(frozen=True)
class Certificate:
    """Every check of one backend on one network, batch and precision, and what they began from.

    ``hashes`` are SHA-256 of the data, the initial weights, the order of images and, where all
    checks held, the trained weights: two machines can tell by them that they trained alike. In
    exact precision ``steps`` holds those of the weights after every step.
    """

    backend: str
    network: str
    batch: int
    precision: str
    seed: int
    lr: float
    checks: tuple[Check, ...]
    hashes: dict[str, str]
    steps: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return all(check.passed for check in self.checks)

    @property
    def claim(self) -> str:
        """What is shown: the precision's name, with the trained weights' hash if it is exact."""
        if not self.passed:
            return ""
        if self.precision == EXACT.name:
            return f"exact:{self.hashes['weights'][:_CLAIMED_DIGITS]}"
        return self.precision

    @property
    def reason(self) -> str | None:
        """Why the backend is refused, if it is."""
        return next((c.detail for c in self.checks if not c.passed), None)

    def error_ratio(self, operator: str | None = None) -> float | None:
        """Worst error over NumPy's own: of an operator's kernel, or of the trained parameters.

        The latter are measured by the envelope of reordered NumPy runs.
        """
        ratios = [
            c.error_ratio
            for c in self.checks
            if c.error_ratio is not None
            and isfinite(c.error_ratio)
            and (c.name == operator if operator else c.kind == "trajectory")
        ]
        return max(ratios, default=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **asdict(self),
            "checks": [check.as_dict() for check in self.checks],
            "claim": self.claim,
            "passed": self.passed,
            "reason": self.reason,
            "error_ratio": self.error_ratio(),
        }


def check_kind(backend: Backend, precision: Precision) -> Iterator[Check]:
    """That a row of rounded factors is not one of a backend that rounds none."""
    reason = backend.unavailable_in(precision)
    if reason is not None:
        yield Check("kind", "operator", False, reason)


def check_operators(
    backend: Backend, sizes: Sequence[int], batch: int, precision: Precision, seed: int
) -> Iterator[Check]:
    """Every operator on its hostile inputs and on the calls that a training step makes."""
    for operator in registry.operators().values():
        rng = np.random.RandomState([seed, 3])
        cases = [*operator.inputs(rng), *operator.workload(sizes, batch, rng)]
        yield check_operator(backend, operator, precision, cases)


def check_training(backend: Backend, course: Course, seed: int) -> Iterator[Check]:
    """Steps along a course and, where they held, epochs and determinism."""
    epoch_ends, milestones = set(course.epoch_ends), []

    def watched() -> Iterator[trajectory.Milestone]:
        for milestone in trajectory.walk(course, seed):
            yield milestone
            # Parameters are judged at the ends of epochs only; all of them would fill the memory.
            kept = milestone.step in epoch_ends
            milestones.append(milestone if kept else replace(milestone, parameters=[]))

    steps = trajectory.check_steps(backend, course, watched())
    yield steps
    if steps.passed:
        yield trajectory.check_epochs(backend, course, milestones)
        yield trajectory.check_deterministic(backend, course)


def certify_exact(
    backend: Backend,
    sizes: Sequence[int],
    batch: int,
    data: Dataset,
    *,
    lr: float = 0.125,
    seed: int = 0,
    steps: int = exact.STEPS,
    expected: Sequence[str] | None = None,
) -> Certificate:
    """Check that a backend computes what the reference does to the last bit, in exact precision.

    ``expected`` are the weights' SHA-256 after each step, where another machine's certificate is to
    stand for the reference.

    Raises
    ------
    ExactRangeError
        Where the reference's own sums could round.
    NetworkError
        If the learning rate is no power of two.
    """
    recipe = exact.Recipe(tuple(sizes), batch, lr, seed, steps)
    if expected is None:
        truth = exact.reference_steps(recipe, data)
    else:
        truth = [exact.Step(weights) for weights in expected]
    checks = []
    for operator in registry.operators().values():
        if operator.grids is not None:
            rng = np.random.RandomState([seed, 6])
            cases = [*operator.inputs(rng), *operator.workload(sizes, batch, rng)]
            checks.append(check_exact_operator(backend, operator, cases))
    checks.append(exact.check_logits(backend, recipe, data))
    if all(check.passed for check in checks):
        checks.append(exact.check_steps(backend, recipe, data, truth))
        if checks[-1].passed:
            checks.append(exact.check_epochs(backend, recipe, data, truth))
    hashes = exact.beginnings(recipe, data)
    if all(check.passed for check in checks):
        hashes["weights"] = truth[-1].weights
    return Certificate(
        backend.name,
        "-".join(map(str, sizes)),
        batch,
        EXACT.name,
        seed,
        lr,
        tuple(checks),
        hashes,
        tuple(step.weights for step in truth) if "weights" in hashes else (),
    )


def certify(
    backend: Backend,
    sizes: Sequence[int],
    batch: int,
    precision: Precision,
    data: Dataset,
    *,
    lr: float = 0.125,
    seed: int = 0,
) -> Certificate:
    """Check a backend: operators, gradients, trajectory, determinism; or `certify_exact`.

    Takes about two seconds for 784-128-64-10 at batch 128 on two cores.
    """
    if precision is EXACT:
        return certify_exact(backend, sizes, batch, data, lr=lr, seed=seed)
    course = plan_course(sizes, batch, precision, data, lr, seed)
    with np.errstate(all="ignore"):
        checks = [*check_kind(backend, precision)]
        checks += check_operators(backend, sizes, batch, precision, seed)
        checks.append(check_differences(seed))
        for check in (check_forward, check_gradients):
            checks.append(check(backend, sizes, min(batch, _GRADIENT_BATCH), precision, seed))
        if all(check.passed for check in checks):
            checks += check_training(backend, course, seed)
    return Certificate(
        backend.name,
        "-".join(map(str, sizes)),
        batch,
        precision.name,
        seed,
        lr,
        tuple(checks),
        _hashes(course, data, checks),
    )


def certify_large(
    backend: Backend, sizes: Sequence[int], batch: int, precision: Precision, data: Dataset
) -> Certificate:
    """Check as `certify` does at a batch of `LARGE`, then a few steps of the whole batch.

    All checks at a batch of 60,000 would take minutes.
    """
    begun = certify(backend, sizes, min(batch, LARGE), precision, data)
    if batch <= LARGE or not begun.passed:
        return begun
    if precision is EXACT:
        recipe = exact.Recipe(tuple(sizes), batch, begun.lr, begun.seed, _LARGE_STEPS)
        truth = exact.reference_steps(recipe, data)
        checks = [exact.check_steps(backend, recipe, data, truth)]
        if checks[0].passed:
            checks.append(exact.check_epochs(backend, recipe, data, truth))
    else:
        course = plan_course(sizes, batch, precision, data, begun.lr, begun.seed)
        with np.errstate(all="ignore"):
            checks = [*check_training(backend, course, begun.seed)]
    return replace(begun, batch=batch, checks=(*begun.checks, *checks))


def _hashes(course: Course, data: Dataset, checks: Sequence[Check]) -> dict[str, str]:
    hashes = {
        "data": data.sha256,
        "initial_weights": sha256(p for pair in course.initial for p in pair),
        "order": sha256(course.indices),
    }
    if all(check.passed for check in checks):
        hashes["weights"] = next(c.sha256 for c in checks if c.sha256 is not None)
    return hashes
