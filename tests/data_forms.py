"""The same small data set in every form in which people have one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from idx_files import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, small_arrays

from mnist_core.data import Dataset

NPY = ("train_images", "train_labels", "test_images", "test_labels")
KERAS = ("x_train", "y_train", "x_test", "y_test")


def small() -> Dataset:
    """20 training and 10 test images of 28 x 28 pixels, ten classes."""
    arrays = small_arrays()
    order = TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS
    return Dataset.from_arrays("small", *(arrays[name] for name in order))


def write_npz(folder: Path, dataset: Dataset, name: str = "mnist.npz") -> Path:
    np.savez_compressed(folder / name, **dict(zip(KERAS, _parts(dataset), strict=True)))
    return folder / name


def write_npy(folder: Path, dataset: Dataset) -> Path:
    for name, array in zip(NPY, _parts(dataset), strict=True):
        np.save(folder / f"{name}.npy", array)
    return folder


def csv_text(images: np.ndarray, labels: np.ndarray | None, header: bool = True) -> str:
    """Rows as Kaggle writes them; without `labels` as in its test.csv."""
    columns = [f"pixel{i}" for i in range(images.shape[1])]
    first = [] if labels is None else ["label"]
    lines = [",".join(first + columns)] if header else []
    digits = np.array([str(i) for i in range(256)], object)
    for i, image in enumerate(images):
        label = [] if labels is None else [str(labels[i])]
        lines.append(",".join([*label, *digits[image]]))
    return "".join(f"{line}\n" for line in lines)


def write_csv(folder: Path, dataset: Dataset) -> Path:
    train = csv_text(dataset.train_images, dataset.train_labels, header=False)
    test = csv_text(dataset.test_images, dataset.test_labels)
    (folder / "mnist_train.csv").write_text(train)
    (folder / "mnist_test.csv").write_text(test)
    return folder


def write_png(folder: Path, images: np.ndarray, labels: np.ndarray, names: list[str]) -> Path:
    """A file for each of some 28 x 28 images, in a folder of its class's name."""
    from PIL import Image

    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / names[label] / f"{i:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.reshape(28, 28)).save(path)
    return folder


OFFICIAL_FORMS: dict[str, Callable[[Path, Dataset], Path]] = {
    "npz": write_npz,
    "npy": write_npy,
    "csv": write_csv,
}
"""Forms that keep the order of the images; each writes into a folder and returns what to give."""


def _parts(dataset: Dataset) -> list[np.ndarray]:
    return [getattr(dataset, name) for name in NPY]
