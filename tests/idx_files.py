"""Small data sets and their IDX files, and what a refusal of them looks like."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_core.data import Dataset
from mnist_core.errors import DataError

NAMES = [f"{s}-{k}-ubyte.gz" for s in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    """An array as the content of an IDX file."""
    header = struct.pack(">HBB", 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def small_arrays(seed: int = 0, train: int = 20, test: int = 10) -> dict[str, np.ndarray]:
    random = np.random.RandomState(seed)
    return {
        TRAIN_IMAGES: random.randint(0, 256, (train, 28, 28)),
        TRAIN_LABELS: np.arange(train) % 10,
        TEST_IMAGES: random.randint(0, 256, (test, 28, 28)),
        TEST_LABELS: np.arange(test) % 10,
    }


def small_folder(folder: Path, **options: int) -> Path:
    for name, array in small_arrays(**options).items():
        write(folder / name, gzip.compress(idx(array)))
    return folder


def small_dataset(**changes: object) -> Dataset:
    parts: dict[str, object] = {
        "name": "small",
        "train_images": np.arange(24, dtype=np.uint8).reshape(6, 4),
        "train_labels": np.array([0, 1, 2, 0, 1, 2]),
        "test_images": np.zeros((3, 4), np.uint8),
        "test_labels": np.array([0, 1, 2]),
    }
    return Dataset(**(parts | changes))


def refusal(action: Callable[[], object], *parts: str) -> None:
    """Check that the action is refused in one line that holds all of `parts`."""
    with pytest.raises(DataError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
