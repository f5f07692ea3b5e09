"""Other divisions into training and test images than the one that a data set comes with."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnist_core.data.dataset import Dataset
from mnist_core.errors import DataError

MNIST_SHARE = 1 / 7
"""MNIST's own share of test images, 10,000 of 70,000: held out where there are no test images."""

HELD_OUT = re.compile(r", [\d,]+ held out at random$")


def hold_out(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int32],
    test: int | float,
    seed: int = 0,
) -> Dataset:
    """Keep some of the images for testing, drawn at random; the others are for training.

    Parameters
    ----------
    name : what the images are; the data set's name says how many of them are held out
    images : uint8, shape (N, features)
    labels : integers, shape (N,)
    test : a number of images, or a share of them between 0.0 and 1.0 (of which at least one)
    seed : of the order, the same on every machine

    Raises
    ------
    DataError
        When nothing would be left to train on or to test on.
    """
    share = isinstance(test, float)
    if share and not 0 < test < 1:
        raise DataError(f"{name}: cannot hold out a share of {test:g}; give one between 0 and 1")
    count = max(1, round(test * len(labels))) if share else int(test)
    if not 1 <= count < len(labels):
        raise DataError(
            f"{name}: cannot hold out {count:,} of {len(labels):,} images; leave at least one for "
            "training and one for testing"
        )
    order = np.random.RandomState(seed).permutation(len(labels))
    held_out, rest = order[:count], order[count:]
    return Dataset(
        f"{name}, {count:,} held out at random",
        images[rest],
        labels[rest],
        images[held_out],
        labels[held_out],
    )


def pooled(dataset: Dataset, test: int | float, seed: int = 0) -> Dataset:
    """Split all labelled images of a data set anew, its training and its test images together.

    Parameters
    ----------
    dataset : its `unlabelled` images and its number of classes are kept
    test, seed : see `hold_out`

    Raises
    ------
    DataError
        When nothing would be left to train on or to test on.
    """
    split = hold_out(
        HELD_OUT.sub("", dataset.name),
        np.concatenate([dataset.train_images, dataset.test_images]),
        np.concatenate([dataset.train_labels, dataset.test_labels]),
        test,
        seed,
    )
    return replace(split, min_classes=dataset.classes, unlabelled=dataset.unlabelled)


def tested_on_itself(dataset: Dataset) -> Dataset:
    """Train on the test images and test on the same: how well they are learnt by heart."""
    return replace(
        dataset,
        name=f"{dataset.name}, test images alone",
        train_images=dataset.test_images,
        train_labels=dataset.test_labels,
        min_classes=dataset.classes,
    )
