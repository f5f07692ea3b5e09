"""Other divisions into training and test images: nothing lost, nothing twice, the same anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from idx_files import refusal, small_dataset

from mnist_core.data import Dataset, hold_out, pooled, splits
from mnist_core.data.splits import MNIST_SHARE


def numbered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images each of which says which label it has."""
    labels = np.arange(count, dtype=np.int32) % 256
    return labels.astype(np.uint8).repeat(2).reshape(count, 2), labels


def pairs(dataset: Dataset) -> tuple[list[int], list[int]]:
    """Training and test labels, of which every one is seen to belong to its image."""
    for images, labels in (
        (dataset.train_images, dataset.train_labels),
        (dataset.test_images, dataset.test_labels),
    ):
        np.testing.assert_array_equal(images, np.stack([labels, labels], axis=1))
    return dataset.train_labels.tolist(), dataset.test_labels.tolist()


@given(count=st.integers(2, 200), seed=st.integers(0, 5), data=st.data())
def test_every_image_is_either_held_out_or_not(count, seed, data):
    test = data.draw(st.integers(1, count - 1))
    train_labels, test_labels = pairs(hold_out("n", *numbered(count), test, seed))
    assert len(test_labels) == test
    assert sorted(train_labels + test_labels) == list(range(count))


def test_the_same_images_are_held_out_on_every_machine() -> None:
    assert hold_out("n", *numbered(10), 4).test_labels.tolist() == [2, 8, 4, 9]
    assert hold_out("n", *numbered(10), 4, seed=1).test_labels.tolist() == [2, 9, 6, 4]


@pytest.mark.parametrize(
    ("test", "count"), [(MNIST_SHARE, 10), (0.2, 14), (0.001, 1), (np.int64(7), 7)]
)
def test_how_many_are_held_out_stands_in_the_name(test: float, count: int) -> None:
    split = hold_out("n", *numbered(70), test)
    assert split.name == f"n, {count} held out at random"
    assert len(split.test_labels) == count
    assert hold_out("n", *numbered(9000), 4500).name == "n, 4,500 held out at random"


@pytest.mark.parametrize("test", [0, -1, 10, 11, 0.0, 1.0, -0.5, 1.5, 0.99, float("nan")])
def test_a_share_that_leaves_nothing(test: float) -> None:
    refusal(lambda: hold_out("n", *numbered(10), test), "n: cannot hold out", "one")


def test_training_and_test_images_are_pooled() -> None:
    images, labels = numbered(20)
    unlabelled = np.ones((3, 2), np.uint8)
    dataset = Dataset("n", images[:12], labels[:12], images[12:], labels[12:], 30, unlabelled)
    split = pooled(dataset, 0.25)
    train_labels, test_labels = pairs(split)
    assert len(test_labels) == 5
    assert sorted(train_labels + test_labels) == list(range(20))
    assert set(test_labels) - set(range(12, 20))
    assert (split.name, split.classes) == ("n, 5 held out at random", 30)
    assert split.unlabelled is unlabelled
    assert pooled(split, 6).name == "n, 6 held out at random"
    assert pooled(dataset, 5, seed=1).sha256 != split.sha256 == pooled(dataset, 5).sha256


def test_a_data_set_that_is_tested_on_what_it_is_trained_on() -> None:
    dataset = small_dataset(min_classes=7)
    itself = splits.tested_on_itself(dataset)
    assert (itself.name, itself.classes) == ("small, test images alone", 7)
    assert itself.train_images is itself.test_images is dataset.test_images
    assert itself.train_labels is itself.test_labels is dataset.test_labels
