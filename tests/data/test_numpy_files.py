"""NumPy's own files: Keras' archive, folders of arrays, and what is refused of them."""

from __future__ import annotations

import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_forms import KERAS, NPY, small, write_npy, write_npz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from idx_files import refusal

from mnist_core.data import load, numpy_files
from mnist_core.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four arrays to change."""
    (tmp_path / "four").mkdir()
    return write_npy(tmp_path / "four", small())


# Arrays


def test_a_folder_of_four_arrays(folder: Path) -> None:
    dataset = load(str(folder))
    assert dataset.name == "four"
    assert dataset.sha256 == small().sha256


@pytest.mark.parametrize("dtype", ["f4", "f8", "<i8", ">u2"])
@pytest.mark.parametrize("shape", [(-1, 784), (-1, 28, 28), (-1, 28, 28, 1), (-1, 1, 28, 28)])
def test_images_of_other_types_and_shapes(folder: Path, dtype: str, shape: tuple) -> None:
    for name in ("train_images", "test_images"):
        images = getattr(small(), name).reshape(shape).astype(dtype)
        np.save(folder / f"{name}.npy", images)
    for name in ("train_labels", "test_labels"):
        np.save(folder / f"{name}.npy", getattr(small(), name).astype("u1"))
    assert load(str(folder)).sha256 == small().sha256


@pytest.mark.parametrize("shape", [(-1, 784), (-1, 28, 28)])
def test_arrays_stored_by_columns(folder: Path, shape: tuple) -> None:
    images = np.asfortranarray(small().train_images.reshape(shape))
    np.save(folder / "train_images.npy", images)
    assert b"'fortran_order': True" in (folder / "train_images.npy").read_bytes()
    assert load(str(folder)).sha256 == small().sha256


def test_a_pair_alone_is_split(folder: Path) -> None:
    for name in ("test_images", "test_labels"):
        (folder / f"{name}.npy").unlink()
    dataset = load(str(folder))
    assert dataset.name == "four, 3 held out at random"
    both = np.concatenate([dataset.test_images, dataset.train_images])
    order = np.random.RandomState(0).permutation(20)
    np.testing.assert_array_equal(both, small().train_images[order])


@pytest.mark.parametrize("name", NPY)
def test_an_array_that_is_missing(folder: Path, name: str) -> None:
    (folder / f"{name}.npy").unlink()
    refusal(lambda: load(str(folder)), str(folder), f"has no {name}.npy")


def test_a_single_array_is_told_what_to_give(folder: Path) -> None:
    refusal(lambda: load(str(folder / "train_images.npy")), "NumPy array", "give the folder that")


WRONG = {
    "objects": ("train_images", np.array([[1, None]] * 20, object), "Python objects"),
    "text": ("train_labels", np.array(["7"] * 20), "<U1"),
    "rank": ("test_images", np.zeros(784), "(784,)"),
    "divided": ("train_images", np.full((20, 784), 0.5), "divided by 255"),
    "negative": ("train_images", np.full((20, 784), -1), "-1 at pixel 0 of image 0"),
    "too bright": ("test_images", np.full((10, 784), 256), "256 at pixel 0"),
    "NaN": ("test_images", np.full((10, 784), np.nan), "nan at pixel 0"),
    "labels as floats": ("train_labels", np.zeros(20), "float64"),
    "label too large": ("test_labels", np.full(10, 256), "label 256 at position 0"),
    "lengths": ("train_labels", np.zeros(19, int), "19 labels"),
    "empty": ("test_images", np.zeros((0, 784), "u1"), "is empty"),
    "size": ("test_images", np.zeros((10, 100), "u1"), "784 pixels"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arrays_are_named(folder: Path, what: str) -> None:
    name, array, reason = WRONG[what]
    np.save(folder / f"{name}.npy", array)
    where = str(folder / f"{name}.npy") if what != "size" else "four"
    refusal(lambda: load(str(folder)), where, reason)


def header(descr: str, shape: str) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda b: b[:-1], "is truncated"),
    "header only": (lambda b: b[:128], "is truncated"),
    "within the header": (lambda b: b[:60], "no array that can be read"),
    "oversized": (lambda b: b + b"\0", "is oversized"),
    "zero bytes": (lambda b: b"", "is empty"),
    "version 9": (lambda b: b[:6] + b"\x09" + b[7:], "no array that can be read"),
    "petabytes": (lambda b: header("'|u1'", "(1125899906842624, 784)"), "declares"),
    "negative": (lambda b: header("'|u1'", "(-20, -784)") + b[128:], "(-20, -784)"),
    "no type": (lambda b: header("'?!'", "(20, 784)") + b[128:], "no array that can be read"),
    "code for a type": (lambda b: header("print(1)", "(20, 784)"), "no array that can be read"),
    "subarrays": (lambda b: header("('|u1', (784,))", "(20,)") + b[128:], "save whole numbers"),
    "a page": (lambda b: b"<!DOCTYPE html><title>404</title>", "web page"),
    "IDX": (lambda b: b"\0\0\x08\x01\0\0\0\x01\x07", "an IDX file, not an .npy array"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_arrays_are_named(folder: Path, what: str) -> None:
    change, reason = DAMAGED[what]
    path = folder / "train_images.npy"
    path.write_bytes(change(path.read_bytes()))
    refusal(lambda: load(str(folder)), str(path), reason)


# Archives


def test_the_archive_of_keras(tmp_path: Path) -> None:
    path = write_npz(tmp_path, small(), "mine.npz")
    assert load(str(path)).name == "mine.npz"
    assert load(str(path)).sha256 == small().sha256


def test_a_folder_with_an_archive(tmp_path: Path) -> None:
    write_npz(tmp_path, small())
    assert load(str(tmp_path)).name == tmp_path.name
    assert load(str(tmp_path)).sha256 == small().sha256
    shutil.copy(tmp_path / "mnist.npz", tmp_path / "other.npz")
    refusal(lambda: load(str(tmp_path)), "mnist.npz, other.npz", "give one")


def test_an_archive_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = write_npz(tmp_path, small()).rename(tmp_path / "data")
    assert load(str(path)).sha256 == small().sha256


def test_an_archive_of_other_arrays(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    np.savez(path, images=np.zeros(3), labels=np.zeros(3))
    refusal(lambda: load(str(path)), str(path), "images, labels", ", ".join(KERAS))


def test_a_packed_folder(tmp_path: Path) -> None:
    path = tmp_path / "kaggle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", "label,pixel0\n")
    refusal(lambda: load(str(path)), str(path), "holds train.csv", "unpack it")


@pytest.mark.parametrize("name", KERAS)
def test_objects_in_an_archive(tmp_path: Path, name: str) -> None:
    arrays = dict(zip(KERAS, (np.zeros((2, 4)), np.zeros(2, int)) * 2, strict=True))
    np.savez(tmp_path / "mnist.npz", **(arrays | {name: np.array([None])}))
    refusal(lambda: load(str(tmp_path)), f"mnist.npz: {name}", "Python objects")


def test_an_archive_packed_otherwise(tmp_path: Path) -> None:
    path = write_npz(tmp_path, small())
    with zipfile.ZipFile(path) as source:
        content = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in content.items():
            archive.writestr(name, array)
    refusal(lambda: load(str(path)), str(path), "NumPy never does")


def test_an_archive_that_would_unpack_to_more_than_it_declares(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(numpy_files, "LIMIT", 10_000)
    path = write_npz(tmp_path, small())  # 20 x 784 bytes
    refusal(lambda: load(str(path)), "mnist.npz: x_train declares 15680 bytes", "10000")
    bomb = header("'|u1'", "(2, 4)") + bytes(10_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in KERAS:
            archive.writestr(f"{name}.npy", bomb)
    refusal(lambda: load(str(path)), "mnist.npz: x_train is oversized")


def test_an_archive_whose_names_are_no_text(tmp_path: Path) -> None:
    path = write_npz(tmp_path, small())
    directory = path.read_bytes().rpartition(b"PK\x01\x02")
    entry = bytearray(directory[2])
    entry[5] |= 0x08  # names are UTF-8, says this flag
    entry[42] = 0xFF  # and this is none
    path.write_bytes(directory[0] + directory[1] + entry)
    refusal(lambda: load(str(path)), str(path), "damaged archive", "utf-8")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_is_read_right_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(write_npz(tmp_path, small().head(2, 1)).read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    try:
        read = load(str(path)).sha256
    except DataError:
        return
    assert read == small().head(2, 1).sha256
