"""PNG files by class: which labels they get, and which files are refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_forms import small, write_npz, write_png
from idx_files import refusal
from PIL import Image

from mnist_core.data import load

DIGITS = [str(digit) for digit in range(10)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`train/CLASS/*.png` and `test/CLASS/*.png`."""
    data = small()
    write_png(tmp_path / "pictures" / "train", data.train_images, data.train_labels, DIGITS)
    return write_png(
        tmp_path / "pictures" / "test", data.test_images, data.test_labels, DIGITS
    ).parent


def by_label(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(labels, kind="stable")
    return images[order], labels[order]


@pytest.mark.parametrize("names", [("train", "test"), ("training", "testing")])
def test_folders_for_training_and_testing(folder: Path, names: tuple[str, str]) -> None:
    for old, new in zip(("train", "test"), names, strict=True):
        (folder / old).rename(folder / new)
    dataset = load(str(folder))
    assert dataset.name == "pictures"
    images, labels = by_label(small().train_images, small().train_labels)
    np.testing.assert_array_equal(dataset.train_images, images)
    np.testing.assert_array_equal(dataset.train_labels, labels)
    np.testing.assert_array_equal(dataset.test_images, small().test_images)


def test_classes_alone_are_split(folder: Path) -> None:
    dataset = load(str(folder / "train"))
    assert dataset.name == "train, 3 held out at random"
    images, _ = by_label(small().train_images, small().train_labels)
    order = np.random.RandomState(0).permutation(20)
    np.testing.assert_array_equal(dataset.test_images, images[order[:3]])


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["3", "12", "5"], [3, 12, 5]),
        (["cat", "ant", "bee"], [2, 0, 1]),
        (["1", "0", "x"], [1, 0, 2]),
    ],
)
def test_labels_by_the_names_of_the_classes(tmp_path: Path, names: list, labels: list) -> None:
    images = np.arange(3, dtype=np.uint8).repeat(784).reshape(3, 784)
    for split in ("train", "test"):
        write_png(tmp_path / split, images, np.arange(3), names)
    dataset = load(str(tmp_path))
    found = dict(zip(dataset.train_images[:, 0].tolist(), dataset.train_labels, strict=True))
    assert found == dict(enumerate(labels))
    np.testing.assert_array_equal(dataset.test_labels, dataset.train_labels)


def test_what_lies_beside_the_images_is_left_alone(folder: Path) -> None:
    before = load(str(folder)).sha256
    (folder / "train" / "0" / "Thumbs.db").write_bytes(b"\x80\x04")
    (folder / "train" / "0" / "._00000.png").write_bytes(b"of a Mac")
    (folder / "train" / "notes").mkdir()
    (folder / "train" / ".cache").mkdir()
    (folder / "readme.txt").write_text("words")
    assert load(str(folder)).sha256 == before


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGB", "RGBA"])
def test_other_modes_become_grey(folder: Path, mode: str) -> None:
    path = folder / "test" / "0" / "00000.png"
    black_and_white = Image.fromarray(np.eye(28, dtype=np.uint8) * 255)
    black_and_white.convert(mode).save(path)
    with Image.open(path) as image:
        assert image.mode == mode
    np.testing.assert_array_equal(load(str(folder)).test_images[0], np.eye(28).ravel() * 255)


def deep(path: Path) -> None:
    Image.fromarray(np.full((28, 28), 1000, np.uint16)).save(path)


def large(path: Path) -> None:
    Image.new("L", (28, 27)).save(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


def header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def bomb(path: Path) -> None:
    """A header, with its checksum, that declares 65,536 x 65,536 pixels."""
    content = path.read_bytes()
    head = content[12:16] + struct.pack(">2I", 1 << 16, 1 << 16) + content[24:29]
    path.write_bytes(content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:])


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "16 bits": (deep, "more than 8 bits"),
    "size": (large, "28 x 27 pixels but the first image 28 x 28"),
    "cut": (cut, "damaged PNG"),
    "header only": (header, "damaged PNG"),
    "bomb": (bomb, "exceeds limit"),
    "text": (lambda path: path.write_text("a picture"), "is text, not a PNG"),
    "JPEG": (lambda path: Image.new("L", (28, 28)).save(path, "JPEG"), "is a JPEG image"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_images_are_named(folder: Path, what: str) -> None:
    change, reason = WRONG[what]
    path = folder / "train" / "3" / "00013.png"
    change(path)
    refusal(lambda: load(str(folder)), str(path), reason)


def test_a_class_that_is_only_tested(folder: Path) -> None:
    write_png(folder / "test", small().test_images[:1], np.zeros(1, int), ["11"])
    refusal(lambda: load(str(folder)), str(folder / "test" / "11"), "without training images")


@pytest.mark.parametrize("name", ["256", "99999999999"])
def test_a_class_beyond_the_labels(tmp_path: Path, name: str) -> None:
    write_png(tmp_path, small().train_images[:2], np.arange(2), ["1", name])
    refusal(lambda: load(str(tmp_path)), str(tmp_path), f"class {name}", "outside 0-255")


def test_pictures_beside_a_data_set_are_none(folder: Path) -> None:
    write_npz(folder.parent, small())
    write_png(folder.parent, small().train_images[:1], np.zeros(1, int), ["figures"])
    for path in folder.rglob("*.png"):
        path.unlink()
    assert load(str(folder.parent)).sha256 == small().sha256


def test_test_images_alone(folder: Path) -> None:
    for path in (folder / "train").rglob("*.png"):
        path.unlink()
    refusal(lambda: load(str(folder)), str(folder), "no training images")


def test_a_single_image_is_told_what_to_give(folder: Path) -> None:
    refusal(lambda: load(str(folder / "test" / "0" / "00000.png")), "a PNG image", "each class")
