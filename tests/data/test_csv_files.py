"""CSV: Kaggle's files, labelled pairs, mistakes by line and column, and what Kaggle gets back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from data_forms import csv_text, small, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from idx_files import refusal

from mnist_core.data import load, write_submission
from mnist_core.data.csv_files import read_csv
from mnist_core.errors import OutputError

ROWS = "label,a,b\n1,10,20\n2,30,40\n0,50,60\n"


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """A folder as Kaggle gives it: training images, and test images without labels."""
    folder = tmp_path / "kaggle"
    folder.mkdir()
    (folder / "train.csv").write_text(csv_text(small().train_images, small().train_labels))
    (folder / "test.csv").write_text(csv_text(small().test_images, None))
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    return folder


def file(folder: Path, text: str | bytes) -> Path:
    path = folder / "train.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# What is read


def test_folder_of_kaggle(kaggle: Path) -> None:
    dataset = load(str(kaggle))
    assert dataset.name == "kaggle, 3 held out at random"
    order = np.random.RandomState(0).permutation(20)
    np.testing.assert_array_equal(dataset.test_images, small().train_images[order[:3]])
    np.testing.assert_array_equal(dataset.train_labels, small().train_labels[order[3:]])
    np.testing.assert_array_equal(dataset.unlabelled, small().test_images)


def test_file_of_kaggle_is_read_alone(kaggle: Path) -> None:
    dataset = load(str(kaggle / "train.csv"))
    assert dataset.name == "train.csv, 3 held out at random"
    assert dataset.sha256 == load(str(kaggle)).sha256
    assert dataset.unlabelled is None


def test_labelled_pair(tmp_path: Path) -> None:
    dataset = load(str(write_csv(tmp_path, small())))
    assert dataset.name == tmp_path.name
    assert dataset.sha256 == small().sha256
    for split in ("train", "test"):
        (tmp_path / f"mnist_{split}.csv").rename(tmp_path / f"{split}.csv")
    assert load(str(tmp_path)).sha256 == small().sha256


def test_several_pairs(tmp_path: Path) -> None:
    write_csv(tmp_path, small())
    file(tmp_path, ROWS)
    refusal(lambda: load(str(tmp_path)), "mnist_train.csv, train.csv", "give one")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(2, 6))),
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    tail=st.sampled_from(["", "\n", "\n \n"]),
)
def test_every_value_is_read(tmp_path: Path, values, header, end, mark, tail) -> None:
    text = csv_text(values[:, 1:], values[:, 0], header)
    images, labels = read_csv(file(tmp_path, mark + text.replace("\n", end) + tail))
    np.testing.assert_array_equal(images, values[:, 1:])
    np.testing.assert_array_equal(labels, values[:, 0])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int32)


def test_quoted_values_and_spaces(tmp_path: Path) -> None:
    images, labels = read_csv(file(tmp_path, '"label","a", b\n"3", 7,008\n'))
    assert (images.tolist(), labels.tolist()) == ([[7, 8]], [3])


def test_csv_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = file(tmp_path, ROWS).rename(tmp_path / "digits")
    assert load(str(path)).name == "./digits, 1 held out at random"  # not those drawn here


# Mistakes

MISTAKES = {
    "text": ("1,10,20\n2,x,40\n", ("line 2, column 2", "'x'")),
    "text below a header": (ROWS + "1,2,many\n", ("line 5, column 3", "'many'")),
    "nothing": (ROWS + "1,,3\n", ("line 5, column 2", "''")),
    "too bright": (ROWS + "1,2,256\n", ("line 5, column 3", "'256'", "0-255")),
    "negative": (ROWS + "1,-2,3\n", ("line 5, column 2", "'-2'", "0-255")),
    "pixel as float": (ROWS + "1,2.0,3\n", ("line 5, column 2", "'2.0'", "decimal point")),
    "label as float": (ROWS + "3.0,2,3\n", ("line 5, column 1", "'3.0'", "decimal point")),
    "label between": (ROWS + "3.5,2,3\n", ("line 5, column 1", "'3.5'", "decimal point")),
    "label too large": (ROWS + "256,2,3\n", ("line 5, column 1", "'256'")),
    "NaN": (ROWS + "nan,2,3\n", ("line 5, column 1", "'nan'")),
    "short": (ROWS + "1,2\n0,0,0\n", ("line 5 has 2 columns", "first line 3")),
    "long": (ROWS + "1,2,3,4\n", ("line 5 has 4 columns", "first line 3")),
    "column missing everywhere": (ROWS.replace("label,a,b", "label,a"), ("line 2 has 3 columns",)),
    "empty line": (ROWS + "\n1,2,3\n", ("line 5 is empty",)),
    "header only": ("label,a,b\n", ("header but no images",)),
    "no file content": ("", ("is empty",)),
    "no label": ("a,b,c\n1,2,3\n", ("no labels", "begins with 'label'")),
    "index first": (",label,a\n0,1,2\n", ("no labels", "begins with 'label'")),
    "no label, no header": (csv_text(small().test_images, None, False), ("no labels",)),
    "semicolons": (ROWS.replace(",", ";"), ("no comma",)),
    "prose": ("not a data set", ("no comma",)),
    "words": ("label,a\n" + "1,'two'\n", ("line 2, column 2", "\"'two'\"")),
    "long cell": ("label,a\n1," + "9" * 500 + "\n", ("line 2, column 2", "9...'")),
    "longer than int takes": ("label,a\n1," + "9" * 5000 + "\n", ("line 2, column 2", "9...'")),
    "endless cell": ("1," + "9" * 200_000, ("line 1", "field larger")),
    "a page": ("<html><body>Sign in</body></html>", ("web page", "fetch it again")),
    "a packed file": (b"\x1f\x8b\x08\0\0\0\0\0", ("gzip", "unpack")),
    "UTF-16": (ROWS.encode("utf-16"), ("no form that is known", "not CSV")),
    "other signs": (ROWS.encode() + b"1,2,\xff\n", ("line 5, column 3",)),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_named_with_their_place(tmp_path: Path, what: str) -> None:
    text, parts = MISTAKES[what]
    path = file(tmp_path, text)
    (tmp_path / "test.csv").write_text("label,a,b\n1,2,3\n")
    refusal(lambda: load(str(tmp_path)), str(path), *parts)


@pytest.mark.parametrize("cell", ["+5", "٣"])
def test_what_only_one_of_the_two_passes_refuses(tmp_path: Path, cell: str) -> None:
    refusal(lambda: read_csv(file(tmp_path, f"label,a\n1,{cell}\n")), "train.csv")


def test_a_mistake_in_the_test_images(kaggle: Path) -> None:
    (kaggle / "test.csv").write_text("pixel0,pixel1\n1,2\n3,x\n")
    refusal(lambda: load(str(kaggle)), str(kaggle / "test.csv"), "line 3, column 2")
    (kaggle / "test.csv").write_text("pixel0,pixel1\n1,2\n")
    refusal(lambda: load(str(kaggle)), "train.csv has images of 784 pixels", "test.csv of 2")


# Predictions


def test_submission(tmp_path: Path) -> None:
    path = tmp_path / "new" / "submission.csv"
    write_submission(path, np.array([7, 0, 9]))
    assert path.read_bytes() == b"ImageId,Label\n1,7\n2,0\n3,9\n"
    write_submission(path, np.array([1], np.uint8))
    assert path.read_bytes() == b"ImageId,Label\n1,1\n"
    assert [p.name for p in path.parent.iterdir()] == ["submission.csv"]


def test_submission_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot write to"):
        write_submission(tmp_path / "file" / "submission.csv", np.array([1]))


def test_submission_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "submission.csv"
    write_submission(path, np.array([1]))

    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_submission(path, np.array([2]))
    assert path.read_bytes() == b"ImageId,Label\n1,1\n"
    assert list(tmp_path.iterdir()) == [path]
