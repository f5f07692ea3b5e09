"""A pickle can run code when it is opened. Under no name, and in no archive, is one opened."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_forms import KERAS, NPY, csv_text, small, write_csv, write_npy, write_npz, write_png
from idx_files import NAMES, refusal, small_folder

from mnist_core.data import load


class Hostile:
    """Its unpickling creates a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "was run"


@pytest.fixture(params=[0, 2, 5])
def hostile(request: pytest.FixtureRequest, marker: Path) -> bytes:
    """A pickle, which works, of the protocol that is text, the oldest and the newest of bytes."""
    content = pickle.dumps(Hostile(marker), protocol=request.param)
    pickle.loads(content)
    assert marker.exists()
    marker.unlink()
    return content


def in_array(marker: Path) -> bytes:
    """An .npy file of objects, which holds a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([Hostile(marker)], object), allow_pickle=True)
    return buffer.getvalue()


def test_the_array_of_objects_is_hostile(marker: Path) -> None:
    np.load(io.BytesIO(in_array(marker)), allow_pickle=True)
    assert marker.exists()


def png_folder(folder: Path) -> Path:
    labels = np.arange(2)
    for split in ("train", "test"):
        write_png(folder / split, small().train_images[:2], labels, ["0", "1"])
    return folder


def kaggle(folder: Path) -> Path:
    (folder / "train.csv").write_text(csv_text(small().train_images, small().train_labels))
    (folder / "test.csv").write_text(csv_text(small().test_images, None))
    return folder


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    **{f"gzipped {name}": (small_folder, name) for name in NAMES},
    **{f"{name}.npy": (lambda folder: write_npy(folder, small()), f"{name}.npy") for name in NPY},
    "mnist.npz": (lambda folder: write_npz(folder, small()), "mnist.npz"),
    "train.csv": (kaggle, "train.csv"),
    "test.csv": (kaggle, "test.csv"),
    "mnist_train.csv": (lambda folder: write_csv(folder, small()), "mnist_train.csv"),
    "mnist_test.csv": (lambda folder: write_csv(folder, small()), "mnist_test.csv"),
    "training image": (png_folder, "train/0/00000.png"),
    "test image": (png_folder, "test/1/00001.png"),
    "any name": (lambda folder: None, "mnist.pkl"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("place", PLACES)
def test_no_pickle_is_opened_under_any_name(
    tmp_path: Path, marker: Path, hostile: bytes, place: str, pack: Callable[[bytes], bytes]
) -> None:
    build, name = PLACES[place]
    folder = tmp_path / "data"
    folder.mkdir()
    build(folder)
    (folder / name).write_bytes(pack(hostile))
    for path in (folder, folder / name):
        refusal(lambda path=path: load(str(path)), name)
    assert not marker.exists()


@pytest.mark.parametrize("place", PLACES)
def test_no_array_of_objects_is_opened_under_any_name(
    tmp_path: Path, marker: Path, place: str
) -> None:
    build, name = PLACES[place]
    folder = tmp_path / "data"
    folder.mkdir()
    build(folder)
    (folder / name).write_bytes(in_array(marker))
    for path in (folder, folder / name):
        refusal(lambda path=path: load(str(path)), name)
    assert not marker.exists()


@pytest.mark.parametrize("name", KERAS)
def test_no_pickle_is_opened_in_an_archive(
    tmp_path: Path, marker: Path, hostile: bytes, name: str
) -> None:
    for content in (hostile, in_array(marker)):
        path = write_npz(tmp_path, small())
        with zipfile.ZipFile(path) as archive:
            files = {file: archive.read(file) for file in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for file, array in (files | {f"{name}.npy": content}).items():
                archive.writestr(file, array)
        refusal(lambda path=path: load(str(path)), f"mnist.npz: {name}")
    assert not marker.exists()


def test_a_pickle_is_called_one(tmp_path: Path, marker: Path) -> None:
    folder = write_npy(tmp_path, small())
    for name in (*NPY, "mnist"):
        (folder / f"{name}.npy").write_bytes(pickle.dumps(Hostile(marker)))
        path = folder / f"{name}.npy"
        refusal(lambda path=path: load(str(path)), "a Python pickle", "never opened", "convert it")
    refusal(lambda: load(str(folder)), "train_images.npy is a Python pickle", "never opened")
    assert not marker.exists()


def test_no_pickle_is_read_by_any_line() -> None:
    import mnist_core.data

    for path in Path(mnist_core.data.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text
        assert "allow_pickle=True" not in text
        assert text.count("np.load(") == text.count("allow_pickle=False")
