"""Images as CSV, a row an image with its label first, and predictions as Kaggle wants them.

Kaggle's own `train.csv` and `test.csv` (which has no labels) are such files, and the pairs that go
round as `mnist_train.csv` and `mnist_test.csv`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import magic
from mnist_core.data.conversion import MAX_PIXEL
from mnist_core.data.dataset import Dataset
from mnist_core.data.splits import MNIST_SHARE, hold_out
from mnist_core.errors import DataError
from mnist_core.files import replacing

BLOCK = 4 << 20
"""Bytes that are parsed at a time: with fewer, joining the blocks takes longer than reading."""

MNIST_PIXELS = 784
"""A file of so many columns and without a header has no labels among them."""

PIXELS = frozenset(map(str, range(MAX_PIXEL + 1)))
WHOLE = re.compile(r"\s*0*(\d{1,3})\s*")


def holds_csv(folder: Path) -> bool:
    """Whether a folder has a `train.csv`, `mnist_train.csv` or the like."""
    return any(folder.glob("*train.csv"))


def read_csv_folder(folder: Path, name: str) -> Dataset:
    """Read `train.csv` and, if there, the `test.csv` beside it (or both as `mnist_train.csv`, ...).

    Returns
    -------
    Dataset; test images without labels become its `unlabelled` ones, and then, or without test
    images, a seventh of the training ones is held out

    Raises
    ------
    DataError
        When a file is damaged or has no labels though it should; when there are several pairs.
    """
    trains = sorted(folder.glob("*train.csv"))
    if len(trains) > 1:
        names = ", ".join(path.name for path in trains)
        raise DataError(f"{folder} holds several training sets ({names}); give one of them")
    images, labels = _read_labelled(trains[0])
    test = trains[0].with_name(f"{trains[0].name.removesuffix('train.csv')}test.csv")
    if not test.is_file():
        return hold_out(name, images, labels, MNIST_SHARE)
    test_images, test_labels = read_csv(test)
    if test_images.shape[1] != images.shape[1]:
        raise DataError(
            f"{trains[0]} has images of {images.shape[1]} pixels but {test.name} of "
            f"{test_images.shape[1]}; both must have the same size"
        )
    if test_labels is None:
        return replace(hold_out(name, images, labels, MNIST_SHARE), unlabelled=test_images)
    return Dataset(name, images, labels, test_images, test_labels)


def read_csv_file(path: Path, name: str) -> Dataset:
    """Read the one file, hold out a seventh of its images; no other file is looked at."""
    return hold_out(name, *_read_labelled(path), MNIST_SHARE)


def read_csv(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32] | None]:
    """Read one file of images.

    Parameters
    ----------
    path : path of the file; its first row may be a header, which begins with "label" where there
        are labels. Without a header there are labels, in the first column

    Returns
    -------
    images : uint8, shape (N, features)
    labels : int32, shape (N,), or None

    Raises
    ------
    DataError
        When the file is none of CSV or when a row or a value is wrong: with its line and column.
    """
    found = magic.kind(path)
    if found != "text":
        raise magic.refusal(path, found, "CSV")
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf").rstrip() + b"\n"
    first_line, _, below = content.partition(b"\n")
    _, first = next(_rows(path, first_line), (0, []))
    if len(first) < 2:
        raise DataError(
            f"{path} is text, but no CSV of images: its first line has no comma; give a row for "
            "each image, its label first"
        )
    header = not _is_number(first[0])
    labelled = first[0].strip().lower() == "label" if header else len(first) != MNIST_PIXELS
    if header and not below:
        raise DataError(f"{path} has a header but no images; add them or {magic.RETRY}")
    values = _values(path, content, len(first), int(header))
    if not labelled:
        return values, None
    return np.ascontiguousarray(values[:, 1:]), values[:, 0].astype(np.int32)


def write_submission(path: Path, predictions: NDArray[Any]) -> None:
    """Write predicted classes as Kaggle takes them; the file appears whole or not at all.

    Parameters
    ----------
    path : path of the file: `ImageId,Label`, the images counted from 1
    predictions : integers, shape (N,), in the order of `Dataset.unlabelled`

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    lines = [f"{number},{label}\n" for number, label in enumerate(predictions.tolist(), 1)]
    with replacing(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("ImageId,Label\n" + "".join(lines), encoding="ascii", newline="\n")


def _read_labelled(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    images, labels = read_csv(path)
    if labels is None:
        raise DataError(
            f"{path} has no labels: its first column is no label; give a file whose header begins "
            "with 'label'"
        )
    return images, labels


def _values(path: Path, content: bytes, columns: int, header: int) -> NDArray[np.uint8]:
    """Parse all rows below the header to an array of shape (rows, columns)."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    try:
        table = arrow.read_csv(
            pa.BufferReader(content),
            arrow.ReadOptions(block_size=BLOCK, skip_rows=header, autogenerate_column_names=True),
            arrow.ParseOptions(ignore_empty_lines=False),
            arrow.ConvertOptions(
                column_types={f"f{i}": pa.uint8() for i in range(columns)}, null_values=[]
            ),
        )
    except pa.ArrowInvalid as error:
        raise _mistake(path, content, columns, header, str(error)) from error
    if table.num_columns != columns:
        raise _mistake(path, content, columns, header, "rows longer or shorter than the header")
    # A column at a time into rows, and turned in the end: strided writing is slow.
    turned = np.empty((columns, table.num_rows), np.uint8)
    for row, column in zip(turned, table.columns, strict=True):
        row[:] = column.to_numpy()
    return np.ascontiguousarray(turned.T)


def _mistake(path: Path, content: bytes, columns: int, header: int, reason: str) -> DataError:
    """Read once more, slowly, to say which row is wrong and how."""
    for line, row in islice(_rows(path, content), header, None):
        if not row:
            return DataError(f"{path}, line {line} is empty; remove it")
        if len(row) != columns:
            return DataError(
                f"{path}, line {line} has {len(row)} columns but the first line {columns}; "
                "complete it or remove it"
            )
        if PIXELS.issuperset(row):
            continue
        for column, cell in enumerate(row, 1):
            whole = WHOLE.fullmatch(cell)
            if not whole or int(whole[1]) > MAX_PIXEL:
                return DataError(
                    f"{path}, line {line}, column {column} holds {_short(cell)}; labels and pixels "
                    f"are whole numbers 0-{MAX_PIXEL}, without a decimal point"
                )
    return DataError(f"{path}: {_short(reason)}; is it CSV of whole numbers?")


def _rows(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its line, counted from 1."""
    rows = csv.reader(io.StringIO(content.decode(errors="replace"), newline=""))
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: {error}; is it CSV?") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _short(text: str) -> str:
    """A value as an error shows it: on one line, however long it is."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
