"""The real MNIST, where it can be had."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from data_forms import OFFICIAL_FORMS, csv_text

from mnist_core.data import Dataset, load, sources
from mnist_core.data import download as downloads
from mnist_core.data.idx import read_idx_folder

REAL = os.environ.get("MNIST_DATA_DIR")  # read before `isolated` hides it from the tests


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    if not REAL:
        pytest.skip("MNIST_DATA_DIR is not set")
    dataset = read_idx_folder(REAL)
    if dataset.sha256 != sources.OFFICIAL["mnist"]:
        pytest.skip("MNIST_DATA_DIR does not hold MNIST")
    return dataset


def test_mnist_labels(mnist: Dataset) -> None:
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.train_labels).tolist() == train
    assert np.bincount(mnist.test_labels).tolist() == test


def test_mnist_pixels(mnist: Dataset) -> None:
    assert mnist.train_images.shape == (60_000, 784)
    assert mnist.test_images.shape == (10_000, 784)
    assert int(mnist.train_images.sum(dtype=np.int64)) == 1_567_298_545
    assert int(mnist.test_images.sum(dtype=np.int64)) == 264_923_200
    assert round(1 - mnist.zeros, 4) == 0.1912


def test_mnist_files_have_the_official_checksums(mnist: Dataset) -> None:
    for name, sha256 in downloads.CHECKSUMS["mnist"].items():
        path = Path(str(REAL)) / name
        if path.is_file():  # the folder may hold the same data unpacked
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def test_fashion_mnist_beside_mnist(monkeypatch: pytest.MonkeyPatch, mnist: Dataset) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(REAL))
    if not (Path(str(REAL)).resolve().parent / "fashion-mnist").is_dir():
        pytest.skip("no fashion-mnist beside MNIST_DATA_DIR")
    fashion = load("fashion-mnist")
    assert int(fashion.train_images.sum(dtype=np.int64)) == 3_431_114_169
    assert int(fashion.test_images.sum(dtype=np.int64)) == 573_469_082


@pytest.mark.parametrize(
    "form", ["npy", *(pytest.param(form, marks=pytest.mark.long) for form in ("npz", "csv"))]
)
def test_mnist_is_named_so_in_any_form(mnist: Dataset, tmp_path: Path, form: str) -> None:
    dataset = load(str(OFFICIAL_FORMS[form](tmp_path, mnist)))
    assert (dataset.name, dataset.sha256) == ("mnist", sources.OFFICIAL["mnist"])


@pytest.mark.long
def test_train_csv_of_kaggle_takes_at_most_two_seconds(mnist: Dataset, tmp_path: Path) -> None:
    """42,000 rows of 785 columns; processor time, since others may keep this machine busy."""
    path = tmp_path / "train.csv"
    path.write_text(csv_text(mnist.train_images[:42_000], mnist.train_labels[:42_000]))
    start = time.process_time()
    dataset = load(str(path))
    assert time.process_time() - start < 2 * 2  # on two cores
    assert dataset.name == "train.csv, 6,000 held out at random"
