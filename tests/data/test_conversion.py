"""Arrays as people have them: what becomes images and labels, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from idx_files import refusal

from mnist_core.data import Dataset
from mnist_core.data.conversion import as_images, as_labels

NUMBERS = ("u1", "i2", "<i8", ">i4", "u8", "f2", "f4", "f8", ">f8")


@given(
    images=arrays.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3))),
    dtype=st.sampled_from(NUMBERS),
    form=st.sampled_from(["flat", "square", "channel first", "channel last"]),
    order=st.sampled_from("CF"),
)
def test_whole_numbers_of_any_type_and_shape_are_kept(images, dtype, form, order):
    shapes = {
        "flat": (len(images), -1),
        "square": images.shape,
        "channel first": (len(images), 1, *images.shape[1:]),
        "channel last": (*images.shape, 1),
    }
    given_array = np.array(images.reshape(shapes[form]), dtype=dtype, order=order)
    read = as_images("here", given_array)
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, images.reshape(len(images), -1))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        *((-1, "i4"), (256, "i4"), (2**63, "u8"), (300, "f4")),
        *((-0.5, "f4"), (0.5, "f4"), (255.5, "f8")),
        *((np.nan, "f4"), (np.inf, "f8"), (-np.inf, "f2")),
    ],
)
def test_anything_but_a_pixel_is_refused_with_its_place(value: float, dtype: str) -> None:
    images = np.zeros((4, 2, 3), dtype)
    images[2, 1, 0] = value
    refusal(lambda: as_images("here", images), "here", f"{value:g} at pixel 3 of image 2", "0-255")


def test_images_divided_by_255_are_told_what_to_do() -> None:
    images = np.linspace(0, 1, 12).reshape(3, 4)
    refusal(lambda: as_images("here", images), "here", "divided by 255", "multiply")


@pytest.mark.parametrize("shape", [(), (4,), (4, 2, 2, 3), (4, 2, 2, 1, 1)])
def test_images_of_another_shape(shape: tuple[int, ...]) -> None:
    refusal(lambda: as_images("here", np.zeros(shape)), "here", str(shape), "(images, pixels)")


@pytest.mark.parametrize("dtype", ["?", "O", "S3", "U3", "c8", "M8[s]"])
def test_images_that_are_no_numbers(dtype: str) -> None:
    refusal(lambda: as_images("here", np.zeros((2, 3), dtype)), "here", str(np.dtype(dtype)))


def test_images_that_are_empty() -> None:
    refusal(lambda: as_images("here", np.zeros((0, 28, 28))), "here", "empty")


@pytest.mark.parametrize("dtype", ["i1", "u1", ">u2", "<i8", "u8"])
def test_labels_of_any_integer_type(dtype: str) -> None:
    read = as_labels("here", np.array([3, 0, 9], dtype))
    assert read.dtype == np.int32
    assert read.tolist() == [3, 0, 9]


@pytest.mark.parametrize("labels", [np.zeros(3), np.zeros((3, 10), int), np.array(["3"])])
def test_labels_of_another_type_or_shape(labels: np.ndarray) -> None:
    refusal(lambda: as_labels("here", labels), "here", str(labels.dtype), "integers")


def test_own_arrays_become_a_data_set() -> None:
    images = np.arange(24.0).reshape(6, 2, 2)
    labels = np.arange(6)
    dataset = Dataset.from_arrays("own", images, labels, images[:2].astype(int), labels[:2])
    assert (dataset.name, dataset.features, dataset.classes) == ("own", 4, 6)
    np.testing.assert_array_equal(dataset.train_images, np.arange(24).reshape(6, 4))
    np.testing.assert_array_equal(dataset.test_images, np.arange(8).reshape(2, 4))


def test_own_arrays_that_do_not_match() -> None:
    images, labels = np.zeros((6, 4)), np.zeros(6, int)
    make = Dataset.from_arrays
    refusal(
        lambda: make("own", images, labels, images, labels[:5]),
        *("own: test_images has 6 images", "own: test_labels has 5 labels"),
    )
    refusal(lambda: make("own", images, labels, images[:, :3], labels), "4 pixels", "3")
