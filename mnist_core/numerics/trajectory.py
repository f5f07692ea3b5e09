"""Fifty steps of training beside the truth: is a backend as close to it as NumPy can be asked?"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mnist_core.backends import Backend
from mnist_core.errors import DivergedError
from mnist_core.numerics import envelopes
from mnist_core.numerics.check import Check, raising_fails
from mnist_core.numerics.course import Course, Run, WholeRun
from mnist_core.numerics.errors import distance
from mnist_core.numerics.reference import REFERENCE, permuted, wider
from mnist_core.operators import HostArray

ENVELOPE_FACTOR = 8
"""How far outside the envelope of reordered sums a backend may be."""

RUNS = 5
FLOOR_ROUNDOFFS = 2
"""Rounding a parameter once moves it by about a roundoff, whatever the sums did."""


@dataclass(frozen=True)
class Milestone:
    """Where the truth is after a step, and how far from it one may be.

    ``envelope`` holds for each parameter the largest distance so far of the reordered runs, never
    below the rounding floor; ``loss`` is the true mean loss before the step.
    """

    step: int
    parameters: list[HostArray]
    envelope: list[float]
    loss: float

    def judge(self, parameters: Iterable[HostArray]) -> tuple[float, int]:
        """Largest distance from the truth in envelopes, and the number of the parameter."""
        triples = zip(parameters, self.parameters, self.envelope, strict=True)
        ratios = [distance(p, truth) / allowed for p, truth, allowed in triples]
        ratios = [r if np.isfinite(r) else np.inf for r in ratios]
        return max(ratios), int(np.argmax(ratios))

    def judge_loss(self, loss: float) -> float:
        """Distance of the loss in units of the largest parameter envelope.

        Errors of a mean can cancel, so reordered losses themselves would be too narrow a measure;
        and a loss near zero is judged absolutely, since it is a difference of terms of order one.
        """
        ratio = abs(loss - self.loss) / max(abs(self.loss), 1.0) / max(self.envelope)
        return ratio if np.isfinite(ratio) else np.inf


class _Reordered:
    """Copies of the reference whose sums are reordered, training along a course."""

    def __init__(self, course: Course, seed: int) -> None:
        self._runs = [Run(course, permuted(seed, i), course.precision) for i in range(RUNS)]
        floor = FLOOR_ROUNDOFFS * course.precision.roundoff
        self._envelope = np.full(2 * (len(course.sizes) - 1), floor)

    def step(self, index: HostArray, truth: list[HostArray]) -> list[float]:
        """One step; for each parameter the largest distance from the truth so far."""
        for run in self._runs:
            run.step(index)
            distances = [distance(p, t) for p, t in zip(run.parameters(), truth, strict=True)]
            self._envelope = np.maximum(self._envelope, distances)
        return [float(width) for width in self._envelope]


def walk(course: Course, seed: int = 0) -> Iterator[Milestone]:
    """Train the reference in wider precision and, beside it, reordered in the course's own.

    The reordered copies are most of the work; what they come to is kept for the next time.
    """
    kept = envelopes.load(course, seed, RUNS)
    reordered = None if kept else _Reordered(course, seed)
    truth, widths = Run(course, REFERENCE, wider(course.precision)), list(kept or ())
    for step, index in enumerate(course.indices, start=1):
        loss = truth.step(index)
        parameters = truth.parameters()
        if reordered is not None:
            widths.append(reordered.step(index, parameters))
        envelope = widths[step - 1]
        if not np.isfinite([loss, *envelope]).all():
            raise DivergedError(
                f"the reference itself diverges at step {step} with learning rate {course.lr:g} "
                f"and batch {course.batch}"
            )
        yield Milestone(step, parameters, envelope, loss)
    if reordered is not None:
        envelopes.save(course, seed, RUNS, widths)


def _parameter_name(number: int) -> str:
    return f"layer {number // 2} {('weight', 'bias')[number % 2]}"


def _outside(name: str, step: int, what: str, ratio: float) -> Check:
    detail = (
        f"{what} is {ratio:.1f} times as far from the truth after {step} steps "
        f"as reordered sums take NumPy (allowed {ENVELOPE_FACTOR})"
    )
    return Check(name, "trajectory", False, detail, ratio)


@raising_fails("step", "trajectory")
def check_steps(backend: Backend, course: Course, milestones: Iterable[Milestone]) -> Check:
    """Train by the backend's step and judge parameters and loss after every step."""
    run, worst = WholeRun(course, backend, course.precision), 0.0
    for milestone, index in zip(milestones, course.indices, strict=True):
        loss_ratio = milestone.judge_loss(run.step(index))
        ratio, number = milestone.judge(run.parameters())
        if not loss_ratio <= ENVELOPE_FACTOR:
            return _outside("step", milestone.step, "the loss", loss_ratio)
        if not ratio <= ENVELOPE_FACTOR:
            return _outside("step", milestone.step, _parameter_name(number), ratio)
        worst = max(worst, ratio, loss_ratio)
    detail = f"{len(course.indices)} steps of batch {course.batch}"
    return Check("step", "trajectory", True, detail, worst)


@raising_fails("epoch", "trajectory")
def check_epochs(backend: Backend, course: Course, milestones: Iterable[Milestone]) -> Check:
    """Train by the backend's epoch; judge its losses step by step, the parameters at its end."""
    run, remaining, worst = WholeRun(course, backend, course.precision), iter(milestones), 0.0
    for order in course.orders:
        for loss in run.epoch(order):
            milestone = next(remaining)
            loss_ratio = milestone.judge_loss(loss)
            if not loss_ratio <= ENVELOPE_FACTOR:
                return _outside("epoch", milestone.step, "the loss", loss_ratio)
            worst = max(worst, loss_ratio)
        ratio, number = milestone.judge(run.parameters())
        if not ratio <= ENVELOPE_FACTOR:
            return _outside("epoch", milestone.step, _parameter_name(number), ratio)
        worst = max(worst, ratio)
    detail = f"{len(course.orders)} epochs of {len(course.orders[0])} images"
    return Check("epoch", "trajectory", True, detail, worst)


def _trained(backend: Backend, course: Course) -> str:
    """SHA-256 of the parameters after all epochs."""
    run = WholeRun(course, backend, course.precision)
    for order in course.orders:
        run.epoch(order)
    return sha256(run.parameters())


@raising_fails("deterministic", "deterministic")
def check_deterministic(backend: Backend, course: Course) -> Check:
    """Train twice: the bits must be the same. The trained weights' hash is the check's."""
    first, second = _trained(backend, course), _trained(backend, course)
    same = first == second
    detail = "the same bits twice" if same else "training twice gave different bits"
    return Check("deterministic", "deterministic", same, detail, sha256=first)


def sha256(arrays: Iterable[HostArray]) -> str:
    """Hash of arrays' shapes and little-endian bytes, in C order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes())
    return digest.hexdigest()
