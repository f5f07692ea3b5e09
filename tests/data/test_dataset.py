"""The data set itself: what it knows, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from idx_files import (
    refusal,
    small_dataset,
)

from mnist_core.data import Dataset


def test_dataset_knows_its_features_classes_and_zeros() -> None:
    dataset = small_dataset()
    assert (dataset.features, dataset.classes) == (4, 3)
    assert dataset.zeros == 1 / 24
    assert small_dataset(min_classes=10).classes == 10
    assert small_dataset(test_labels=np.array([0, 7, 2])).classes == 8


def test_dataset_stores_contiguous_images_and_int32_labels() -> None:
    wide = np.zeros((6, 8), np.uint8)
    dataset = small_dataset(train_images=wide[:, ::2], test_labels=np.array([0, 1, 2], np.uint8))
    assert dataset.train_images.flags.c_contiguous
    assert dataset.test_labels.dtype == np.int32


def test_sha256_is_the_same_on_every_machine() -> None:
    expected = "d5c39aaa25f3160ae5b3959e36aa1560bec8f3d96571ea6f7d41861fcf78adfb"
    assert small_dataset().sha256 == expected
    assert small_dataset(train_labels=np.array([0, 1, 2, 0, 1, 2], ">u2")).sha256 == expected


@pytest.mark.parametrize("part", ["train_images", "train_labels", "test_images", "test_labels"])
def test_sha256_covers_every_array(part: str) -> None:
    changed = getattr(small_dataset(), part).copy()
    changed.flat[-1] ^= 1
    assert small_dataset(**{part: changed}).sha256 != small_dataset().sha256


def test_sha256_covers_the_shapes() -> None:
    images = np.zeros((4, 4), np.uint8)
    labels = np.zeros(4, np.int32)
    square = Dataset("a", images, labels, images, labels)
    # The same bytes in the same order, otherwise divided.
    flat = Dataset("a", images.reshape(2, 8), labels[:2], images.reshape(2, 8), labels[:2])
    longer = Dataset("a", images.reshape(2, 8), labels[:2], np.zeros((3, 8), np.uint8), labels[:3])
    assert len({square.sha256, flat.sha256, longer.sha256}) == 3


def test_head_takes_the_first_images() -> None:
    dataset = small_dataset()
    head = dataset.head(4, 2)
    assert head.name == "small[:4]"
    np.testing.assert_array_equal(head.train_images, dataset.train_images[:4])
    np.testing.assert_array_equal(head.train_labels, dataset.train_labels[:4])
    np.testing.assert_array_equal(head.test_images, dataset.test_images[:2])
    np.testing.assert_array_equal(head.test_labels, dataset.test_labels[:2])
    assert dataset.head(1, 1).classes == 3  # although only label 0 is left
    assert dataset.head(100, 100) is dataset


def test_head_of_nothing() -> None:
    refusal(lambda: small_dataset().head(0, 1), "small", "at least 1")


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_labels_that_do_not_match(split: str) -> None:
    labels = np.array([0, 1])
    refusal(
        lambda: small_dataset(**{f"{split}_labels": labels}),
        f"small: {split}",
        "images",
        "2 labels",
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_empty_data_set(split: str) -> None:
    empty = {f"{split}_images": np.zeros((0, 4), np.uint8), f"{split}_labels": np.zeros(0, int)}
    refusal(lambda: small_dataset(**empty), f"small: {split}", "empty")


@pytest.mark.parametrize("label", [-1, 256, 2**40])
def test_labels_out_of_range(label: int) -> None:
    labels = np.array([0, 1, label], dtype=np.int64)
    refusal(lambda: small_dataset(test_labels=labels), f"label {label} at position 2", "test")


def test_train_and_test_images_of_different_sizes() -> None:
    refusal(lambda: small_dataset(test_images=np.zeros((3, 5), np.uint8)), "4 pixels", "5")


def test_images_that_are_not_uint8() -> None:
    refusal(lambda: small_dataset(test_images=np.zeros((3, 4))), "float64", "uint8")


def test_images_that_are_not_flat() -> None:
    refusal(lambda: small_dataset(test_images=np.zeros((3, 2, 2), np.uint8)), "(3, 2, 2)")


def test_labels_that_are_not_integers() -> None:
    refusal(lambda: small_dataset(test_labels=np.zeros(3)), "float64", "integers")
