"""IDX files: what is read, and what is refused with the file's name."""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from idx_files import (
    NAMES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    idx,
    refusal,
    small_arrays,
    small_folder,
    write,
)

from mnist_core.data.idx import read_idx, read_idx_folder

# One IDX file


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_gzip_is_told_by_content_not_by_name(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    images = np.arange(24).reshape(2, 3, 4)
    read = read_idx(write(tmp_path / name, pack(idx(images))))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, images)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_truncated_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "images", pack(idx(np.zeros((2, 3, 4)))[:-1]))
    refusal(lambda: read_idx(path), str(path), "truncated", "24", "23")


def test_truncated_gzip_stream(tmp_path: Path) -> None:
    packed = gzip.compress(idx(np.arange(200)))
    path = write(tmp_path / "labels.gz", packed[:-20])
    refusal(lambda: read_idx(path), str(path), "damaged gzip")


def test_gzip_with_a_wrong_checksum(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(np.arange(200))))
    packed[-8] ^= 1  # the first byte of the CRC-32
    path = write(tmp_path / "labels.gz", bytes(packed))
    refusal(lambda: read_idx(path), str(path), "damaged gzip", "CRC")


def test_gzip_with_damaged_data(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(np.arange(200))))
    packed[10] ^= 0xFF
    path = write(tmp_path / "labels.gz", bytes(packed))
    refusal(lambda: read_idx(path), str(path), "damaged gzip")


def test_oversized_file(tmp_path: Path) -> None:
    path = write(tmp_path / "labels", idx(np.arange(5)) + b"more")
    refusal(lambda: read_idx(path), str(path), "oversized", "5", "9")


@pytest.mark.parametrize("magic", [b"\x89PNG", b"\0\0\x08\0", b"\0\0\x08\x04", b"\0\x01\x08\x01"])
def test_wrong_magic(tmp_path: Path, magic: bytes) -> None:
    path = write(tmp_path / "labels", magic + b"\0" * 100)
    refusal(lambda: read_idx(path), str(path), "magic", magic.hex())


def test_values_that_are_not_uint8(tmp_path: Path) -> None:
    path = write(tmp_path / "labels", idx(np.arange(5), kind=0x0D))
    refusal(lambda: read_idx(path), str(path), "0x0d", "uint8")


def test_header_that_declares_more_than_any_machine_holds(tmp_path: Path) -> None:
    header = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    path = write(tmp_path / "images", header + b"few")
    refusal(lambda: read_idx(path), str(path), "truncated", str((2**32 - 1) ** 3))


@pytest.mark.parametrize("length", [3, 4, 11])
def test_file_that_ends_within_its_header(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "images", idx(np.zeros((2, 3, 4)))[:length])
    refusal(lambda: read_idx(path), str(path), "truncated", "header")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "labels", content)
    refusal(lambda: read_idx(path), str(path), "is empty")


def test_missing_file(tmp_path: Path) -> None:
    refusal(lambda: read_idx(tmp_path / "nothing"), "nothing", "No such file")


# A folder of IDX files


@pytest.mark.parametrize("sign", ["-", "."])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_both_spellings(tmp_path: Path, sign: str, packed: bool) -> None:
    arrays = small_arrays()
    for name, array in arrays.items():
        name = name.replace("-idx", f"{sign}idx")
        content = gzip.compress(idx(array)) if packed else idx(array)
        write(tmp_path / (name if packed else name.removesuffix(".gz")), content)
    read = read_idx_folder(tmp_path)
    assert read.name == tmp_path.name
    assert (read.features, read.classes) == (784, 10)
    np.testing.assert_array_equal(read.train_images, arrays[TRAIN_IMAGES].reshape(20, 784))
    np.testing.assert_array_equal(read.train_labels, arrays[TRAIN_LABELS])
    np.testing.assert_array_equal(read.test_images, arrays[TEST_IMAGES].reshape(10, 784))
    np.testing.assert_array_equal(read.test_labels, arrays[TEST_LABELS])
    assert read.train_labels.dtype == read.test_labels.dtype == np.int32


@pytest.mark.parametrize("name", NAMES)
def test_folder_without_one_file(tmp_path: Path, name: str) -> None:
    (small_folder(tmp_path) / name).unlink()
    refusal(lambda: read_idx_folder(tmp_path), str(tmp_path), name.removesuffix(".gz"))


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_images_swapped_with_labels(tmp_path: Path, split: str) -> None:
    small_folder(tmp_path)
    images = tmp_path / f"{split}-images-idx3-ubyte.gz"
    labels = tmp_path / f"{split}-labels-idx1-ubyte.gz"
    content = images.read_bytes(), labels.read_bytes()
    labels.write_bytes(content[0])
    images.write_bytes(content[1])
    refusal(lambda: read_idx_folder(tmp_path), images.name, "holds labels", "swapped")


def test_labels_file_that_holds_images(tmp_path: Path) -> None:
    small_folder(tmp_path)
    shutil.copy(tmp_path / TRAIN_IMAGES, tmp_path / TRAIN_LABELS)
    refusal(lambda: read_idx_folder(tmp_path), TRAIN_LABELS, "holds images", "swapped")


def test_images_file_that_holds_labels(tmp_path: Path) -> None:
    small_folder(tmp_path)
    shutil.copy(tmp_path / TRAIN_LABELS, tmp_path / TRAIN_IMAGES)
    refusal(lambda: read_idx_folder(tmp_path), TRAIN_IMAGES, "holds labels", "swapped")


def test_folder_whose_labels_stop_short_has_ten_classes(tmp_path: Path) -> None:
    assert read_idx_folder(small_folder(tmp_path, train=3, test=3)).classes == 10


def test_train_set_swapped_with_test_set(tmp_path: Path) -> None:
    small_folder(tmp_path, train=10, test=20)
    refusal(lambda: read_idx_folder(tmp_path), str(tmp_path), "10", "20", "swapped")


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
def test_label_out_of_range_in_a_file(tmp_path: Path, name: str) -> None:
    small_folder(tmp_path)
    labels = small_arrays()[name]
    labels[3] = 11
    write(tmp_path / name, idx(labels))
    refusal(lambda: read_idx_folder(tmp_path), "label 11 at position 3", name, "0-9")


def test_images_and_labels_that_do_not_match_in_files(tmp_path: Path) -> None:
    small_folder(tmp_path)
    write(tmp_path / TEST_LABELS, idx(np.arange(9)))
    refusal(lambda: read_idx_folder(tmp_path), TEST_IMAGES, "10 images", TEST_LABELS, "9 labels")


@pytest.mark.parametrize(("name", "shape"), [(TRAIN_IMAGES, (0, 28, 28)), (TEST_LABELS, (0,))])
def test_empty_data_set_in_a_file(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    small_folder(tmp_path)
    write(tmp_path / name, idx(np.zeros(shape)))
    refusal(lambda: read_idx_folder(tmp_path), name, "empty data set")
