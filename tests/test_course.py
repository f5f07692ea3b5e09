"""What a trajectory trains on."""

import numpy as np
import pytest

from mnist_core.backends import Backend
from mnist_core.data import Dataset
from mnist_core.errors import DivergedError
from mnist_core.numerics import course as courses
from mnist_core.numerics.certificate import check_training
from mnist_core.numerics.course import Course, Run, WholeRun, plan_course
from mnist_core.numerics.kinks import away_from_kinks
from mnist_core.numerics.reference import REFERENCE, permuted
from mnist_core.precision import FLOAT32, FLOAT64

SIZES = (784, 64, 10)


def near_kinks(course: Course) -> int:
    """Images that come within rounding of a ReLU's kink, over all steps of the course."""
    run, near = Run(course, REFERENCE, FLOAT64), 0
    for index in course.indices:
        x = course.images[index] / 255
        near += int((~away_from_kinks(x, run.network.get_parameters(), 1e-5)).sum())
        run.step(index)
    return near


def test_last_batch_of_every_epoch_is_partial(small_digits: Dataset) -> None:
    course = plan_course(SIZES, 128, FLOAT32, small_digits, 0.1, seed=0)
    lengths = [len(index) for index in course.indices]
    assert lengths == ([128] * 9 + [97]) * 5
    assert course.epoch_ends == [10, 20, 30, 40, 50]


@pytest.mark.parametrize("batch", [1, 2, 7, 1000, 2000])
def test_course_fits_any_batch(small_digits: Dataset, batch: int) -> None:
    course = plan_course(SIZES, batch, FLOAT32, small_digits, 0.1, seed=0)
    assert len(course.indices[0]) == batch
    assert len(course.orders) >= 2
    assert all(0 <= index.min() <= index.max() < len(course.images) for index in course.indices)


def test_course_is_the_same_each_time_and_another_for_another_seed(small_digits: Dataset) -> None:
    first, again, other = (
        plan_course(SIZES, 32, FLOAT32, small_digits, 0.1, seed).indices for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_images_near_a_kink_are_exchanged(
    small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert near_kinks(plan_course(SIZES, 128, FLOAT32, small_digits, 0.5, seed=0)) == 0
    monkeypatch.setattr(courses, "_KINK_TRIES", 0)
    assert near_kinks(plan_course(SIZES, 128, FLOAT32, small_digits, 0.5, seed=0)) > 0


def test_reference_that_diverges_certifies_nobody(small_digits: Dataset) -> None:
    course = plan_course(SIZES, 32, FLOAT32, small_digits, 1e30, seed=0)
    with np.errstate(all="ignore"), pytest.raises(DivergedError, match="the reference itself"):
        list(check_training(Backend("honest", base="numpy"), course, seed=0))


def test_any_seed_that_the_command_line_takes_can_be_certified() -> None:
    largest = 2**31 - 1 + 1_000_003  # the second verification adds to it
    assert permuted(largest, 4, FLOAT32).name == "permuted 4"


def test_the_backend_picks_its_images_out_of_all_there_are(small_digits: Dataset) -> None:
    course = plan_course(SIZES, 32, FLOAT32, small_digits, 0.1, seed=0)
    sample, whole = Run(course, REFERENCE, FLOAT64), WholeRun(course, REFERENCE, FLOAT64)
    assert len(whole.data.images) == 2000 > len(sample.data.images)
    index = course.indices[0]
    np.testing.assert_array_equal(sample.step(index), whole.step(index))
