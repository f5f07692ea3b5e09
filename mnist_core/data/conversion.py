"""From arrays as people have them to images as bytes and labels as integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import DataError

MAX_PIXEL = MAX_LABEL = 255
SHAPES = "(images, pixels) or (images, height, width)"


def as_labelled(
    images_name: str, images: NDArray[Any], labels_name: str, labels: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Convert images and their labels, of which there must be as many.

    Parameters
    ----------
    images_name, labels_name : what an error calls the arrays
    images, labels : see `as_images` and `as_labels`

    Raises
    ------
    DataError
        When either cannot be converted, or when their numbers differ.
    """
    images, labels = as_images(images_name, images), as_labels(labels_name, labels)
    if len(images) != len(labels):
        raise DataError(
            f"{images_name} has {len(images)} images but {labels_name} has {len(labels)} labels; "
            "give one label for each image"
        )
    return images, labels


def as_images(name: str, array: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert images to bytes, each a row of pixels; nothing is scaled or rounded.

    Parameters
    ----------
    name : what an error calls the array
    array : integers or floats with whole values 0-255, of shape (N, features), (N, height, width)
        or with a channel axis of 1, first or last, beside these

    Returns
    -------
    uint8, shape (N, features), C-contiguous

    Raises
    ------
    DataError
        When the array has another type or shape, is empty, or holds anything but whole numbers
        0-255.
    """
    channels = array.ndim == 4 and 1 in (array.shape[1], array.shape[3])
    if array.dtype.kind not in "iuf" or not (array.ndim in (2, 3) or channels):
        raise DataError(
            f"{name} holds {array.dtype} of shape {array.shape}; "
            f"give whole numbers 0-255 of shape {SHAPES}"
        )
    if array.size == 0:
        raise DataError(f"{name} is empty (shape {array.shape}); give at least one image")
    flat = array.reshape(len(array), -1)
    if flat.dtype == np.uint8:
        return np.ascontiguousarray(flat)
    # Compared before the cast, whose result is undefined outside the range; NaN fails here too.
    if flat.min() >= 0 and flat.max() <= MAX_PIXEL:
        pixels = flat.astype(np.uint8, order="C")
        if flat.dtype.kind != "f" or np.array_equal(pixels, flat):
            return pixels
    raise _not_pixels(name, flat)


def as_labels(name: str, array: NDArray[Any]) -> NDArray[np.int32]:
    """Convert labels of any integer type to int32.

    Raises
    ------
    DataError
        When they are no integers, not of shape (N,), or outside 0-255.
    """
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise DataError(
            f"{name} holds {array.dtype} of shape {array.shape}; give integers of shape (images,)"
        )
    check_label_range(name, array, MAX_LABEL)
    return np.ascontiguousarray(array, dtype=np.int32)


def check_label_range(name: str, labels: NDArray[Any], largest: int) -> None:
    """Refuse labels outside 0-`largest`, naming the first such label and its position.

    Raises
    ------
    DataError
        When a label is negative or above `largest`.
    """
    outside = np.flatnonzero((labels < 0) | (labels > largest))
    if len(outside):
        raise DataError(
            f"label {labels[outside[0]]} at position {outside[0]} of {name} is outside "
            f"0-{largest}; correct it or remove that image"
        )


def _not_pixels(name: str, flat: NDArray[Any]) -> DataError:
    """Name the first value that is no whole number 0-255."""
    wrong = ~((flat >= 0) & (flat <= MAX_PIXEL) & (flat == np.trunc(flat)))
    image, pixel = np.unravel_index(np.argmax(wrong), wrong.shape)
    remedy = "give whole numbers 0-255"
    if flat.dtype.kind == "f":
        remedy += " (where they were divided by 255, multiply them again and round)"
    return DataError(
        f"{name} holds {flat[image, pixel]:g} at pixel {pixel} of image {image}; {remedy}"
    )
