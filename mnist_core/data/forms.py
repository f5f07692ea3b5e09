"""Which form of data set a path holds, and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_core.data import csv_files, idx, magic, numpy_files, png_folders
from mnist_core.data.dataset import Dataset
from mnist_core.errors import DataError

Reader = Callable[[Path, str], Dataset]


@dataclass(frozen=True)
class Form:
    """A form in which a folder holds a data set.

    Attributes
    ----------
    looks : what errors call it
    is_in : whether a folder holds it, told by names; the reader then looks at the contents
    read : reads the folder into a data set of the name that it is given
    """

    looks: str
    is_in: Callable[[Path], bool]
    read: Reader


FORMS = (
    Form("IDX files (train-images-idx3-ubyte, ...)", idx.holds_idx, idx.read_idx_folder),
    Form("an .npz archive (mnist.npz)", numpy_files.holds_npz, numpy_files.read_npz_folder),
    Form(".npy arrays (train_images.npy, ...)", numpy_files.holds_npy, numpy_files.read_npy_folder),
    Form("CSV (train.csv, test.csv)", csv_files.holds_csv, csv_files.read_csv_folder),
    Form("PNG files by class (train/0/*.png)", png_folders.holds_png, png_folders.read_png_folder),
)

FILES: dict[str, Reader] = {"zip": numpy_files.read_npz, "text": csv_files.read_csv_file}
"""Readers of single files, by their kind."""

SINGLE_FILES = "mnist.npz, a CSV file or a folder"

WHOLE = {
    "idx": "give the folder that holds all four",
    "npy": "give the folder that holds train_images.npy, train_labels.npy and those of test",
    "png": "give the folder that holds a folder of images for each class",
}
"""What to give instead of a part of a data set."""


def read_path(path: Path) -> Dataset:
    """Read the data set in a file or folder, whatever its form; it is named as the path is.

    Raises
    ------
    DataError
        When there is none, when it is damaged, or when there are several.
    """
    try:
        return _read_folder(path) if path.is_dir() else _read_file(path, path.name)
    except OSError as error:
        raise magic.cannot_read(Path(error.filename or path), error) from error


def _read_folder(folder: Path) -> Dataset:
    name = folder.resolve().name
    found = [form for form in FORMS if form.is_in(folder)]
    if len(found) == 1:
        return found[0].read(folder, name)
    if found:
        raise DataError(
            f"{folder} holds several data sets: {', '.join(form.looks for form in found)}; give "
            "one of the files, or a folder with one of them"
        )
    entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if len(entries) == 1 and entries[0].is_file():
        return _read_file(entries[0], name)
    for entry in entries:
        if entry.is_dir() and any(form.is_in(entry) for form in FORMS):
            raise DataError(f"{folder} holds no data set itself; give the folder in it: {entry}")
    looked_for = ", ".join(form.looks for form in FORMS)
    raise DataError(f"{folder} holds no data set: looked for {looked_for}; name another folder")


def _read_file(path: Path, name: str) -> Dataset:
    if not path.is_file():
        raise DataError(f"{path} is neither a file nor a folder; give {SINGLE_FILES}")
    kind = magic.kind(path)
    if kind in FILES:
        return FILES[kind](path, name)
    raise magic.refusal(path, kind, SINGLE_FILES, WHOLE.get(kind, ""))
