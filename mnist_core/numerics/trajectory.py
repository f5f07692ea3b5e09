"""Fifty steps of training beside the truth: is a backend as close to it as NumPy can be asked?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.backends import Backend
from mnist_core.errors import DivergedError
from mnist_core.hashes import sha256
from mnist_core.numerics import envelopes
from mnist_core.numerics.check import Check, Growth, raising_fails
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

    ``envelope`` holds for each parameter, and at its end for the loss, the largest distance so far
    of the reordered runs, never below the rounding floor; ``losses`` are the true losses of the
    step's images before it.
    """

    step: int
    parameters: list[HostArray]
    envelope: list[float]
    losses: HostArray

    def distances(self, parameters: Iterable[HostArray]) -> list[float]:
        """Distance of each parameter from the truth, in norm."""
        return [distance(p, t) for p, t in zip(parameters, self.parameters, strict=True)]

    def judge(self, distances: Iterable[float]) -> tuple[float, int]:
        """Largest distance in envelopes, and the number of the parameter."""
        ratios = [d / e for d, e in zip(distances, self.envelope[:-1], strict=True)]
        ratios = [r if np.isfinite(r) else np.inf for r in ratios]
        return max(ratios), int(np.argmax(ratios))

    def judge_losses(self, losses: HostArray) -> float:
        """Distance of the losses in units of the widest envelope, theirs or a parameter's."""
        if losses.shape != self.losses.shape:
            return np.inf
        ratio = loss_distance(losses, self.losses) / max(self.envelope)
        return ratio if np.isfinite(ratio) else np.inf


def loss_distance(losses: HostArray, truth: HostArray) -> float:
    """Mean distance of the images' losses from the true ones; of a mean, errors could cancel.

    Losses near zero are judged absolutely, being differences of terms of order one.
    """
    return float(np.abs(losses - truth).mean() / max(float(truth.mean()), 1.0))


class _Reordered:
    """Copies of the reference whose sums are reordered, training along a course."""

    def __init__(self, course: Course, seed: int) -> None:
        self._runs = [
            Run(course, permuted(seed, i, course.precision), course.precision) for i in range(RUNS)
        ]
        floor = FLOOR_ROUNDOFFS * course.precision.roundoff
        self._envelope = np.full(2 * (len(course.sizes) - 1) + 1, floor)

    def step(self, index: HostArray, truth: list[HostArray], true_losses: HostArray) -> list[float]:
        """One step; for each parameter and the loss the largest distance so far."""
        for run in self._runs:
            losses = run.step(index)
            distances = [distance(p, t) for p, t in zip(run.parameters(), truth, strict=True)]
            distances.append(loss_distance(losses, true_losses))
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
        losses = truth.step(index)
        parameters = truth.parameters()
        if reordered is not None:
            widths.append(reordered.step(index, parameters, losses))
        envelope = widths[step - 1]
        if not (np.isfinite(losses).all() and np.isfinite(envelope).all()):
            raise DivergedError(
                f"the reference itself diverges at step {step} with learning rate {course.lr:g} "
                f"and batch {course.batch}"
            )
        yield Milestone(step, parameters, envelope, losses)
    if reordered is not None:
        envelopes.save(course, seed, RUNS, widths)


def _parameter_name(number: int) -> str:
    return f"layer {number // 2} {('weight', 'bias')[number % 2]}"


def _outside(name: str, step: int, what: str, ratio: float, growth: Sequence[Growth] = ()) -> Check:
    detail = (
        f"{what} is {ratio:.1f} times as far from the truth after {step} steps "
        f"as reordered sums take NumPy (allowed {ENVELOPE_FACTOR})"
    )
    return Check(name, "trajectory", False, detail, ratio, growth=tuple(growth))


@raising_fails("step", "trajectory")
def check_steps(backend: Backend, course: Course, milestones: Iterable[Milestone]) -> Check:
    """Train by the backend's step and judge parameters and loss after every step."""
    run, worst, growth = WholeRun(course, backend, course.precision), 0.0, []
    for milestone, index in zip(milestones, course.indices, strict=True):
        losses = run.step(index)
        distances = milestone.distances(run.parameters())
        growth.append(grown(milestone, distances, losses))
        loss_ratio = milestone.judge_losses(losses)
        ratio, number = milestone.judge(distances)
        if not loss_ratio <= ENVELOPE_FACTOR:
            return _outside("step", milestone.step, "the loss", loss_ratio, growth)
        if not ratio <= ENVELOPE_FACTOR:
            return _outside("step", milestone.step, _parameter_name(number), ratio, growth)
        worst = max(worst, ratio, loss_ratio)
    detail = f"{len(course.indices)} steps of batch {course.batch}"
    return Check("step", "trajectory", True, detail, worst, growth=tuple(growth))


def grown(milestone: Milestone, distances: Sequence[float], losses: HostArray) -> Growth:
    """A step of a training beside the true one."""
    return Growth(
        distance=max(distances),
        envelope=max(milestone.envelope[:-1]),
        loss=float(losses.mean(dtype=np.float64)),
        true_loss=float(milestone.losses.mean()),
    )


@raising_fails("epoch", "trajectory")
def check_epochs(backend: Backend, course: Course, milestones: Iterable[Milestone]) -> Check:
    """Train by the backend's epoch; judge its losses step by step, the parameters at its end."""
    run, remaining, worst = WholeRun(course, backend, course.precision), iter(milestones), 0.0
    for order in course.orders:
        for losses in run.epoch(order):
            milestone = next(remaining)
            loss_ratio = milestone.judge_losses(losses)
            if not loss_ratio <= ENVELOPE_FACTOR:
                return _outside("epoch", milestone.step, "the loss", loss_ratio)
            worst = max(worst, loss_ratio)
        ratio, number = milestone.judge(milestone.distances(run.parameters()))
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
