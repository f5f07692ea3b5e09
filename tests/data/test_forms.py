"""Which form a path holds, and what is said where it holds none, a part of one, or several."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from data_forms import small, write_csv, write_npy, write_npz
from idx_files import TRAIN_IMAGES, idx, refusal, small_folder, write

from mnist_core.data import load

SINGLE = {
    "IDX": (idx(np.arange(5)), ("an IDX file", "the folder that holds all four")),
    "IDX, packed": (gzip.compress(idx(np.arange(5))), ("an IDX file", "all four")),
    "pickle": (pickle.dumps([1]), ("never opened", "run code", "convert it to .npy or CSV")),
    "pickle, packed": (gzip.compress(pickle.dumps([1], 2)), ("never opened", "convert it")),
    "packed": (gzip.compress(b"label,a\n1,2\n"), ("a gzip file", "unpack it")),
    "packed, cut": (gzip.compress(idx(np.arange(5)))[:12], ("a gzip file",)),
    "empty": (b"", ("is empty", "fetch it again")),
    "page": (b"\n <!DOCTYPE html>\n<html>", ("web page", "fetch it again")),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid", ("git lfs pull",)),
    "Parquet": (b"PAR1\x15\x04", ("Parquet", "mnist.npz, a CSV file or a folder")),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0", ("HDF5", "mnist.npz, a CSV file or a folder")),
    "bytes": (bytes(range(1, 100)), ("no form that is known", "mnist.npz")),
}


@pytest.mark.parametrize("name", ["data", "mnist.npz", "train.csv"])
@pytest.mark.parametrize("what", SINGLE)
def test_a_file_that_is_no_data_set_is_told_by_content(
    tmp_path: Path, what: str, name: str
) -> None:
    content, parts = SINGLE[what]
    path = write(tmp_path / "folder" / name, content)
    refusal(lambda: load(str(path)), str(path), *parts)


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "data", b"label,a\n1,2\n")

    def forbidden(self: Path, mode: str = "r") -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    refusal(lambda: load(str(path)), f"cannot read {path}", "Permission denied")


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    refusal(lambda: load(str(tmp_path)), f"cannot read {tmp_path}", "Permission denied")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refusal(lambda: load(str(tmp_path / "pipe")), "neither a file nor a folder")


def test_a_folder_of_several_forms(tmp_path: Path) -> None:
    small_folder(tmp_path)
    write_csv(tmp_path, small())
    write_npz(tmp_path, small())
    refusal(lambda: load(str(tmp_path)), str(tmp_path), "IDX files", ".npz", "CSV", "give one")
    assert load(str(tmp_path / "mnist.npz")).sha256 == small().sha256


def test_an_empty_folder_is_told_what_is_looked_for(tmp_path: Path) -> None:
    wanted = ("train-images-idx3-ubyte", "mnist.npz", "train_images.npy", "train.csv", "*.png")
    refusal(lambda: load(str(tmp_path)), str(tmp_path), "no data set", *wanted)
    write(tmp_path / "readme.txt", b"words")
    write(tmp_path / "licence.txt", b"words")
    refusal(lambda: load(str(tmp_path)), "no data set", *wanted)


def test_a_folder_around_the_right_one(tmp_path: Path) -> None:
    small_folder(tmp_path / "MNIST" / "raw")
    refusal(lambda: load(str(tmp_path / "MNIST")), "give the folder", str(tmp_path / "MNIST/raw"))


def test_a_folder_with_one_file_of_any_name(tmp_path: Path) -> None:
    write_npz(tmp_path, small()).rename(tmp_path / "data.bin")
    write(tmp_path / ".DS_Store", b"of a Mac")
    assert load(str(tmp_path)).name == tmp_path.name
    assert load(str(tmp_path)).sha256 == small().sha256


@pytest.mark.parametrize("content", [pickle.dumps([1]), b"<html>"])
def test_something_else_under_the_name_of_an_idx_file(tmp_path: Path, content: bytes) -> None:
    path = write(small_folder(tmp_path) / TRAIN_IMAGES, content)
    refusal(lambda: load(str(tmp_path)), str(path), "not an IDX file")


def test_auto_takes_any_form(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(write_npy(tmp_path, small())))
    assert load("auto").sha256 == small().sha256
