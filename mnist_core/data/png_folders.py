"""Images as PNG files in a folder for each class."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import magic
from mnist_core.data.conversion import MAX_LABEL
from mnist_core.data.dataset import Dataset
from mnist_core.data.splits import MNIST_SHARE, hold_out
from mnist_core.errors import DataError

SPLITS = (("train", "training"), ("test", "testing"))
"""Names of the folders of training and of test images; without them all is one set."""

CONVERTED = ("L", "1", "P", "LA", "PA", "RGB", "RGBA")
"""Modes that become 8-bit grey without loss of more than colour; the deeper ones would be cut."""

Classes = dict[str, list[Path]]
"""The PNG files of each folder that has any, in the order of their names."""


def holds_png(folder: Path) -> bool:
    """Whether a folder has PNG files by class, in itself or in a folder for each split.

    Of one class alone nothing can be learnt: such a folder holds pictures of something else.
    """
    parts = [part for part in (folder, *_splits(folder)) if part]
    return any(sum(map(bool, map(_files, _subfolders(part)))) > 1 for part in parts)


def read_png_folder(folder: Path, name: str) -> Dataset:
    """Read `train/CLASS/*.png` and `test/CLASS/*.png`, or `CLASS/*.png`.

    Folders whose names are all numbers keep them as labels; other names are numbered as sorted.

    Returns
    -------
    Dataset; a seventh of the images is held out where there are no test images

    Raises
    ------
    DataError
        When a file is no PNG, damaged, of another size than the first or deeper than 8 bits, or
        when a class has test images alone.
    """
    train_folder, test_folder = _splits(folder)
    train = _classes(train_folder or folder)
    test = _classes(test_folder) if test_folder else {}
    if not train:
        raise DataError(f"{folder} has no training images; add train/CLASS/*.png")
    for extra in sorted(test.keys() - train.keys()):
        raise DataError(f"{test[extra][0].parent} is a class without training images; add some")
    numbers = _numbers(folder, list(train))
    shape = _grey(next(iter(train.values()))[0]).shape
    images, labels = _read(train, numbers, shape)
    if not test:
        return hold_out(name, images, labels, MNIST_SHARE)
    return Dataset(name, images, labels, *_read(test, numbers, shape))


def _splits(folder: Path) -> tuple[Path | None, Path | None]:
    """Return the folders of training and of test images, where they exist."""
    train, test = (
        next((folder / name for name in names if (folder / name).is_dir()), None)
        for names in SPLITS
    )
    return train, test


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.suffix.lower() == ".png" and p.name[0] != "."]


def _classes(folder: Path) -> Classes:
    found = {sub.name: sorted(_files(sub)) for sub in _subfolders(folder)}
    return {name: files for name, files in found.items() if files}


def _numbers(folder: Path, names: list[str]) -> dict[str, int]:
    if all(name.isdecimal() for name in names):
        numbers = {name: int(name) for name in names}
    else:
        numbers = {name: number for number, name in enumerate(sorted(names))}
    for name, number in numbers.items():
        if number > MAX_LABEL:
            raise DataError(
                f"{folder}: class {name} would have the label {number}, outside 0-{MAX_LABEL}; "
                "rename or remove it"
            )
    return numbers


def _read(
    classes: Classes, numbers: dict[str, int], shape: tuple[int, ...]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Read all images of these classes, each of this height and width, class by class."""
    files = [(path, numbers[name]) for name, paths in classes.items() for path in paths]
    images = np.empty((len(files), *shape), np.uint8)
    for image, (path, _) in zip(images, files, strict=True):
        grey = _grey(path)
        if grey.shape != shape:
            raise DataError(
                f"{path} is {_size(grey.shape)} pixels but the first image {_size(shape)}; all "
                "must have the same size"
            )
        image[:] = grey
    labels = np.array([number for _, number in files], np.int32)
    return images.reshape(len(files), -1), labels


def _grey(path: Path) -> NDArray[np.uint8]:
    """Decode one image to 8-bit grey, shape (height, width)."""
    from PIL import Image

    found = magic.kind(path)
    if found != "png":
        raise magic.refusal(path, found, "a PNG image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=["PNG"]) as image:
                mode, grey = image.mode, np.asarray(image.convert("L"))
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} is a damaged PNG ({reason}); {magic.RETRY}") from error
    if mode not in CONVERTED:
        raise DataError(f"{path} has more than 8 bits a pixel (mode {mode}); save it with 8 bits")
    return grey


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
