"""The drawn digits as a data set: MNIST-shaped, for machines that have no MNIST."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data.cache import cache_folder
from mnist_core.data.dataset import Dataset
from mnist_core.data.drawing import CLASSES, draw
from mnist_core.errors import DataError

TRAIN, TEST = 60_000, 10_000
CHUNK = 1_000
TRAIN_SEED, TEST_SEED = 1_000_000, 2_000_000

SHA256 = "f9036c36b21478c8da34eea13b1fbc6b7599ab63149f8ca9df3cb246b2fef1fd"
"""`Dataset.sha256` of the full set, on every machine."""


def digits(train: int = TRAIN, test: int = TEST) -> Dataset:
    """Return handwritten-looking digits that the program draws itself.

    The full set is kept in the user's cache; fewer images are drawn anew, and are the first
    ones of the full set.

    Parameters
    ----------
    train, test : numbers of 28 x 28 images, at most 60,000 and 10,000

    Returns
    -------
    Dataset named "digits", or "digits[:train]" if smaller; the same on every machine

    Raises
    ------
    DataError
        When either number is below 1.
    """
    if train < 1 or test < 1:
        raise DataError(f"digits: cannot draw {train} + {test} images; ask for at least 1")
    train, test = min(train, TRAIN), min(test, TEST)
    if (train, test) == (TRAIN, TEST):
        return _load() or _save(_generate(TRAIN, TEST, "digits"))
    return _generate(train, test, f"digits[:{train}]")


def _generate(train: int, test: int, name: str) -> Dataset:
    train_set, test_set = _draw_chunks(TRAIN_SEED, train), _draw_chunks(TEST_SEED, test)
    return Dataset(name, *train_set, *test_set, min_classes=CLASSES)


def _draw_chunks(seed: int, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw whole chunks, each from its own seed, so that a small set begins the full one."""
    chunks = [draw(seed + k, CHUNK) for k in range(-(-count // CHUNK))]
    images = np.concatenate([images for images, _ in chunks])[:count]
    labels = np.concatenate([labels for _, labels in chunks])[:count]
    return images, labels


def _cache_file() -> Path:
    return cache_folder() / f"digits-{SHA256[:12]}.npz"


def _load() -> Dataset | None:
    """Load the full set from the cache; None if it is missing or in any way damaged."""
    try:
        with np.load(_cache_file(), allow_pickle=False) as arrays:
            dataset = Dataset("digits", **arrays, min_classes=CLASSES)
    except Exception:  # a damaged archive raises whatever its bytes happen to mean
        return None
    return dataset if dataset.sha256 == SHA256 else None


def _save(dataset: Dataset) -> Dataset:
    """Keep the full set in the cache, whole or not at all; without a cache, just go on."""
    target = _cache_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    except OSError:
        return dataset
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(
                file,
                train_images=dataset.train_images,
                train_labels=dataset.train_labels,
                test_images=dataset.test_images,
                test_labels=dataset.test_labels,
            )
        os.replace(temporary, target)
    except OSError:
        pass
    finally:  # also when interrupted
        Path(temporary).unlink(missing_ok=True)
    return dataset
