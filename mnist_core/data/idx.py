"""Read IDX, the format in which MNIST is published (http://yann.lecun.com/exdb/mnist/).

A file is `0 0 type ndim`, then ndim big-endian 32-bit sizes, then the values. Type 8 is uint8,
the only one that MNIST and its kin use.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import magic
from mnist_core.data.conversion import check_label_range
from mnist_core.data.dataset import Dataset
from mnist_core.data.magic import GZIP_MAGIC, RETRY
from mnist_core.errors import DataError

UINT8 = 0x08
CLASSES = 10

FILES = tuple(
    (f"{split}-{content}", f"idx{ndim}-ubyte")
    for split in ("train", "t10k")
    for content, ndim in (("images", 3), ("labels", 1))
)


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read one IDX file of uint8, plain or gzipped (told by content, not by name).

    Parameters
    ----------
    path : path of the file

    Returns
    -------
    uint8 array of the shape that the header declares (1 to 3 dimensions)

    Raises
    ------
    DataError
        When the file is missing, empty, not IDX, not uint8, truncated or oversized.
    """
    path = Path(path)
    content = _content(path)
    shape = _shape(path, content)
    header = 4 + 4 * len(shape)
    # Sizes are compared as Python integers before any array is made: a damaged header can
    # declare petabytes.
    declared, actual = math.prod(shape), len(content) - header
    if declared != actual:
        what = "truncated" if actual < declared else "oversized"
        raise DataError(
            f"{path} is {what}: its header declares {declared} bytes of data, it has {actual}; "
            f"{RETRY}"
        )
    return np.frombuffer(content, dtype=np.uint8)[header:].reshape(shape).copy()


def holds_idx(folder: Path) -> bool:
    """Whether a folder has any of the four IDX files."""
    return any(
        (folder / spelling).is_file() for stem, kind in FILES for spelling in _spellings(stem, kind)
    )


def read_idx_folder(folder: str | Path, name: str | None = None) -> Dataset:
    """Read a folder that holds the four IDX files of MNIST or of a data set in its form.

    Parameters
    ----------
    folder : path of the folder; the files may be plain or gzipped and spelt
        `train-images-idx3-ubyte` or `train-images.idx3-ubyte`
    name : the data set's name; the folder's if not given

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        When a file is missing, damaged or swapped with another, when images and labels do not
        match, or when a label lies outside 0-9.
    """
    folder = Path(folder)
    train_images, train_labels = _read_pair(folder, "train")
    test_images, test_labels = _read_pair(folder, "t10k")
    if len(train_labels) < len(test_labels):
        raise DataError(
            f"{folder} has fewer train images ({len(train_labels)}) than test images "
            f"({len(test_labels)}): the train and t10k files are probably swapped; rename them"
        )
    return Dataset(
        name or folder.resolve().name,
        train_images,
        train_labels.astype(np.int32),
        test_images,
        test_labels.astype(np.int32),
        min_classes=CLASSES,
    )


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise magic.cannot_read(path, error) from error
    if content.startswith(GZIP_MAGIC):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path} is a damaged gzip file ({error}); {RETRY}") from error
    if not content:
        raise DataError(f"{path} is empty; {RETRY}")
    return content


def _shape(path: Path, content: bytes) -> tuple[int, ...]:
    found = magic.kind_of(content)
    if found in ("pickle", "page"):
        raise magic.refusal(path, found, "an IDX file")
    if len(content) < 4:
        raise DataError(f"{path} is truncated: only {len(content)} bytes of header; {RETRY}")
    zero, kind, ndim = struct.unpack_from(">HBB", content)
    if zero != 0 or not 1 <= ndim <= 3:
        raise DataError(
            f"{path} is not an IDX file of images or labels: its magic number is "
            f"0x{content[:4].hex()}, not 0x00000801 or 0x00000803; give an IDX file"
        )
    if kind != UINT8:
        raise DataError(
            f"{path} holds values of IDX type 0x{kind:02x}, not uint8 (0x08); convert it to uint8"
        )
    if len(content) < 4 + 4 * ndim:
        raise DataError(f"{path} is truncated within its header; {RETRY}")
    return struct.unpack_from(f">{ndim}I", content, 4)


def _read_pair(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the images, flattened to (N, features), and the labels of one split."""
    images_path = _find(folder, f"{split}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{split}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim == 1 or labels.ndim != 1:
        wrong, holds, wants = (
            (images_path, "labels", "images")
            if images.ndim == 1
            else (labels_path, "images", "labels")
        )
        raise DataError(
            f"{wrong} holds {holds}, not {wants}: the images and labels files are probably "
            "swapped; rename them"
        )
    if images.size == 0 or labels.size == 0:
        wrong = images_path if images.size == 0 else labels_path
        raise DataError(f"{wrong} is an empty data set (it declares no data); {RETRY}")
    if len(images) != len(labels):
        raise DataError(
            f"{images_path} has {len(images)} images but {labels_path.name} has {len(labels)} "
            "labels; take both from the same data set"
        )
    check_label_range(str(labels_path), labels, CLASSES - 1)
    return images.reshape(len(images), -1), labels


def _spellings(stem: str, kind: str) -> list[str]:
    return [f"{stem}{sign}{kind}{end}" for sign in "-." for end in ("", ".gz")]


def _find(folder: Path, stem: str, kind: str) -> Path:
    spellings = _spellings(stem, kind)
    for spelling in spellings:
        if (folder / spelling).is_file():
            return folder / spelling
    raise DataError(
        f"{folder} has no {spellings[0]} (or {', '.join(spellings[1:])}); add it or name another "
        "folder"
    )
