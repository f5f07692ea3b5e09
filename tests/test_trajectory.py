"""Training beside the truth: its envelope, how it is judged, and what is kept of it."""

import json
from math import nan
from pathlib import Path
from typing import Any

import pytest

from mnist_core import registry
from mnist_core.backends import Backend, kernel
from mnist_core.data import Dataset
from mnist_core.data.digits import digits
from mnist_core.numerics import certify, envelopes, trajectory
from mnist_core.numerics.course import Course, plan_course
from mnist_core.operators import sgd
from mnist_core.precision import FLOAT32

Array = Any

pytestmark = pytest.mark.usefixtures("one_thread")


def test_loss_of_a_small_batch_is_judged_by_how_far_losses_drift() -> None:
    """It was judged by the parameters' envelope, which says little of a network without layers."""
    data = digits(train=5000, test=100)
    numpy, seed = registry.backend("numpy"), 1655012666
    certificate = certify(numpy, (784, 10), 6, FLOAT32, data, lr=0.5, seed=seed)
    assert certificate.passed, certificate.reason


@pytest.mark.parametrize("damage", ["zero", "rows", "shape", "text", "falling", "nan"])
def test_a_kept_envelope_that_cannot_be_one_is_made_anew(
    damage: str, small_digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelopes, "cache_folder", lambda: tmp_path)
    course = plan_course((784, 10), 32, FLOAT32, small_digits, 0.125, 0)
    first = [m.envelope for m in trajectory.walk(course)]
    (file,) = (tmp_path / "envelopes").iterdir()
    assert envelopes.load(course, 0, trajectory.RUNS) == first
    broken = {
        "zero": [[0.0] * 3] * len(first),
        "rows": first[:-1],
        "shape": [row[:-1] for row in first],
        "text": "nothing",
        "falling": first[::-1] if first[0] != first[-1] else [[1.0] * 3, *first[1:]],
        "nan": [[float("nan")] * 3] * len(first),
    }[damage]
    file.write_text(json.dumps(broken))
    assert envelopes.load(course, 0, trajectory.RUNS) is None
    assert [m.envelope for m in trajectory.walk(course)] == first
    assert json.loads(file.read_text()) == first


@pytest.fixture
def course(small_digits: Dataset) -> Course:
    return plan_course((784, 16, 10), 32, FLOAT32, small_digits, 0.125, 0)


def test_a_training_holds_its_losses_and_the_true_ones(course: Course) -> None:
    milestones = list(trajectory.walk(course))
    check = trajectory.check_steps(registry.backend("numpy"), course, milestones)
    assert check.passed
    assert [step.true_loss for step in check.growth] == [m.losses.mean() for m in milestones]
    for step, milestone in zip(check.growth, milestones, strict=True):
        assert step.loss == pytest.approx(step.true_loss, rel=1e-4)
        assert step.envelope == max(milestone.envelope[:-1])
        assert 0 < step.distance <= trajectory.ENVELOPE_FACTOR * step.envelope
    assert check.growth[-1].true_loss < check.growth[0].true_loss / 2


@pytest.mark.parametrize(("wrong", "finite"), [(1.01, True), (nan, False)])
def test_a_refused_training_ends_with_the_step_that_it_is_refused_for(
    wrong: float, finite: bool, course: Course
) -> None:
    calls = []

    @kernel(sgd)
    def late(param: Array, grad: Array, *, lr: float) -> None:
        """Right for nine steps of two layers' weights and biases at once, then off."""
        calls.append(lr)
        param -= lr * grad * (wrong if len(calls) > 9 else 1)

    backend = Backend("late", base="numpy", kernels=[late])
    check = trajectory.check_steps(backend, course, trajectory.walk(course))
    assert not check.passed
    assert len(check.growth) == 10
    *right, last = check.as_dict()["growth"]
    assert f"after {len(check.growth)} steps" in check.detail
    assert all(distance <= 8 * envelope for distance, envelope, *_ in right)
    assert (last[0] is not None) == finite
    assert not finite or last[0] > 8 * last[1]
    json.dumps(check.as_dict(), allow_nan=False)
