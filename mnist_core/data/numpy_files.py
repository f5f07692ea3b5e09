"""Arrays as NumPy saves them: Keras' `mnist.npz`, or a folder of four `.npy` files.

Nothing is ever unpickled: arrays of Python objects, which NumPy would store as pickles, are refused
by their header.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnist_core.data import magic
from mnist_core.data.conversion import as_labelled
from mnist_core.data.dataset import Dataset
from mnist_core.data.splits import MNIST_SHARE, hold_out
from mnist_core.errors import DataError

KERAS = (("x_train", "y_train"), ("x_test", "y_test"))
TRAIN, TEST = (
    tuple(f"{split}_{part}.npy" for part in ("images", "labels")) for split in ("train", "test")
)

LIMIT = 4 << 30
"""Bytes of one array; MNIST takes a tenth of it as float64. An archive can declare petabytes."""

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def holds_npz(folder: Path) -> bool:
    """Whether a folder has an archive of arrays."""
    return any(folder.glob("*.npz"))


def read_npz_folder(folder: Path, name: str) -> Dataset:
    """Read the one archive of a folder.

    Raises
    ------
    DataError
        When there are several, or as `read_npz`.
    """
    paths = sorted(folder.glob("*.npz"))
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths)
        raise DataError(f"{folder} holds several archives ({names}); give one of them")
    return read_npz(paths[0], name)


def read_npz(path: Path, name: str) -> Dataset:
    """Read an archive of `x_train`, `y_train`, `x_test` and `y_test`, as Keras publishes MNIST.

    Raises
    ------
    DataError
        When the archive is damaged, has not these arrays, or holds what is no images or labels.
    """
    found = magic.kind(path)
    if found != "zip":
        raise magic.refusal(path, found, "an .npz archive")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(path, archive.namelist())
            arrays = {array: _member(path, archive, array) for pair in KERAS for array in pair}
    except DataError:
        raise
    except Exception as error:  # a damaged archive raises whatever its bytes happen to mean
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} is a damaged archive ({reason}); {magic.RETRY}") from error
    train, test = (
        as_labelled(f"{path}: {images}", arrays[images], f"{path}: {labels}", arrays[labels])
        for images, labels in KERAS
    )
    return Dataset(name, *train, *test)


def holds_npy(folder: Path) -> bool:
    """Whether a folder has any of the four arrays."""
    return any((folder / file).is_file() for file in (*TRAIN, *TEST))


def read_npy_folder(folder: Path, name: str) -> Dataset:
    """Read `train_images.npy`, `train_labels.npy` and, unless both are missing, those of `test`.

    Returns
    -------
    Dataset; a seventh of the training images is held out where there are no test images

    Raises
    ------
    DataError
        When a file is missing or damaged, or holds what is no images or labels.
    """
    train = _pair(folder, *TRAIN)
    if not any((folder / file).is_file() for file in TEST):
        return hold_out(name, *train, MNIST_SHARE)
    return Dataset(name, *train, *_pair(folder, *TEST))


def _pair(folder: Path, images: str, labels: str) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    return as_labelled(
        str(folder / images), _file(folder / images), str(folder / labels), _file(folder / labels)
    )


def _file(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise DataError(f"{path.parent} has no {path.name}; add it or name another folder")
    found = magic.kind(path)
    if found != "npy":
        raise magic.refusal(path, found, "an .npy array")
    try:
        with path.open("rb") as file:
            return _array(str(path), file)
    except OSError as error:
        raise magic.cannot_read(path, error) from error


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{path}: {name} is packed in a way that NumPy never does; save it again")
    with archive.open(info) as file:
        return _array(f"{path}: {name}", file)


def _array(name: str, file: IO[bytes]) -> NDArray[Any]:
    """Read one array of numbers; no more is read than its header declares, nor more than `LIMIT`.

    Sizes are compared as Python integers: a damaged header can declare petabytes.
    """
    shape, by_columns, dtype = _header(name, file)
    declared = math.prod(shape) * dtype.itemsize
    if declared == 0:
        raise DataError(f"{name} is empty (shape {shape}); {magic.RETRY}")
    if declared > LIMIT:
        raise DataError(
            f"{name} declares {declared} bytes of data, more than the {LIMIT} that are read; "
            "save it as uint8"
        )
    content = file.read(declared + 1)
    if len(content) < declared:
        raise DataError(
            f"{name} is truncated: its header declares {declared} bytes of data, it has "
            f"{len(content)}; {magic.RETRY}"
        )
    if len(content) > declared:
        raise DataError(
            f"{name} is oversized: its header declares {declared} bytes of data, it has more; "
            f"{magic.RETRY}"
        )
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")


def _header(name: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return an array's shape, whether it is stored by columns, and its type: one of numbers."""
    try:
        shape, by_columns, dtype = HEADERS[npy.read_magic(file)](file)
        if min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}")
    except Exception as error:  # a damaged header raises whatever its bytes happen to mean
        reason = " ".join(str(error).split())
        raise DataError(f"{name} is no array that can be read ({reason}); save it again") from error
    if dtype.hasobject:
        raise DataError(
            f"{name} holds Python objects, which are never opened, since opening them can run "
            "code; save numbers: array.astype('uint8')"
        )
    if dtype.kind not in "iuf":
        raise DataError(f"{name} holds {dtype}; save whole numbers")
    return shape, by_columns, dtype


def _check_names(path: Path, files: list[str]) -> None:
    """Refuse an archive that lacks one of Keras' arrays."""
    wanted = [name for pair in KERAS for name in pair]
    if {f"{name}.npy" for name in wanted} <= set(files):
        return
    arrays = [file.removesuffix(".npy") for file in files if file.endswith(".npy")]
    holds = ", ".join((arrays or files)[:6]) or "nothing"
    remedy = "save them under these names" if arrays else "if it is a packed folder, unpack it"
    raise DataError(f"{path} holds {holds}, not the arrays {', '.join(wanted)}; {remedy}")
