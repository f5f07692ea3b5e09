"""One data set in memory: images as bytes, labels as integers, checked once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.data.conversion import as_labelled, as_labels
from mnist_core.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images with their labels.

    Attributes
    ----------
    name : str
        What the rows of a result say: "mnist", "digits", a folder's name, ...
    train_images, test_images : uint8, shape (N, features), C-contiguous
    train_labels, test_labels : int32, shape (N,)
        Any integer type is accepted and stored as int32.
    min_classes : int
        Classes to count even where no image shows them (10 for MNIST and its kin).
    unlabelled : uint8, shape (M, features), or None
        Images to predict classes of, such as those of a Kaggle competition.

    Raises
    ------
    DataError
        When a part is empty, has a wrong type or shape, does not match another, or when a
        label lies outside 0-255.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int32]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int32]
    min_classes: int = 1
    unlabelled: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            where = f"{self.name}: {split}"
            images = _checked_images(f"{where} images", getattr(self, f"{split}_images"))
            labels = as_labels(f"{where}_labels", getattr(self, f"{split}_labels"))
            if len(images) != len(labels):
                raise DataError(
                    f"{where} set has {len(images)} images but {len(labels)} labels; "
                    "give one label for each image"
                )
            object.__setattr__(self, f"{split}_images", images)
            object.__setattr__(self, f"{split}_labels", labels)
        train, test = self.train_images.shape[1], self.test_images.shape[1]
        if train != test:
            raise DataError(
                f"{self.name}: train images have {train} pixels but test images {test}; "
                "both must have the same size"
            )
        if self.unlabelled is not None:
            self._check_unlabelled(self.unlabelled)

    @classmethod
    def from_arrays(
        cls,
        name: str,
        train_images: NDArray[Any],
        train_labels: NDArray[Any],
        test_images: NDArray[Any],
        test_labels: NDArray[Any],
    ) -> Dataset:
        """Make a data set of arrays as people have them.

        Parameters
        ----------
        name : what the rows of a result are to say
        train_images, test_images : integers or floats with whole values 0-255, of shape
            (N, features), (N, height, width) or with a channel axis of 1 beside these
        train_labels, test_labels : integers 0-255, shape (N,)

        Raises
        ------
        DataError
            When an array holds anything else, or when the arrays do not match.
        """
        train = as_labelled(
            f"{name}: train_images", train_images, f"{name}: train_labels", train_labels
        )
        test = as_labelled(f"{name}: test_images", test_images, f"{name}: test_labels", test_labels)
        return cls(name, *train, *test)

    @property
    def features(self) -> int:
        """Pixels of one image."""
        return int(self.train_images.shape[1])

    @property
    def classes(self) -> int:
        """Number of classes: the largest label + 1, or `min_classes` if that is more."""
        largest = max(self.train_labels.max(), self.test_labels.max())
        return max(self.min_classes, int(largest) + 1)

    @cached_property
    def zeros(self) -> float:
        """Share of the training pixels that are zero."""
        size = self.train_images.size
        return (size - int(np.count_nonzero(self.train_images))) / size

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the shapes and bytes of the four arrays, the same on every machine.

        Unlabelled images are no part of it: nothing is trained or tested on them.
        """
        digest = hashlib.sha256()
        for images, labels in (
            (self.train_images, self.train_labels),
            (self.test_images, self.test_labels),
        ):
            digest.update(f"images {images.shape[0]} {images.shape[1]}".encode())
            digest.update(images.data)
            digest.update(f"labels {labels.shape[0]}".encode())
            digest.update(labels.astype("<i4").tobytes())
        return digest.hexdigest()

    def head(self, train: int, test: int) -> Dataset:
        """Return the first `train` and `test` images (or all, where there are fewer) as views.

        Raises
        ------
        DataError
            When either number is below 1.
        """
        if train < 1 or test < 1:
            raise DataError(f"{self.name}: cannot take {train} + {test} images; take at least 1")
        if train >= len(self.train_labels) and test >= len(self.test_labels):
            return self
        return Dataset(
            f"{self.name}[:{min(train, len(self.train_labels))}]",
            self.train_images[:train],
            self.train_labels[:train],
            self.test_images[:test],
            self.test_labels[:test],
            min_classes=self.classes,
            unlabelled=self.unlabelled,
        )

    def _check_unlabelled(self, images: NDArray[np.uint8]) -> None:
        images = _checked_images(f"{self.name}: unlabelled images", images)
        if images.shape[1] != self.features:
            raise DataError(
                f"{self.name}: train images have {self.features} pixels but unlabelled images "
                f"{images.shape[1]}; both must have the same size"
            )
        object.__setattr__(self, "unlabelled", images)


def _checked_images(where: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim != 2:
        raise DataError(
            f"{where} are {images.dtype} of shape {images.shape}; "
            "give uint8 of shape (images, pixels)"
        )
    if images.size == 0:
        raise DataError(f"{where} are empty (shape {images.shape}); give at least one image")
    return np.ascontiguousarray(images)
