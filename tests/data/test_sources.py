"""Where `load` looks, in which order, and what never stands in for the official splits."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from idx_files import (
    TEST_LABELS,
    refusal,
    small_folder,
    write,
)

from mnist_core.data import SOURCES, load, sources
from mnist_core.data import download as downloads


def test_auto_takes_the_folder_before_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, official: Path, isolated: Path
) -> None:
    shutil.copytree(official, isolated / "mnist")
    folder = small_folder(tmp_path / "mine", seed=5)
    monkeypatch.setenv("MNIST_DATA_DIR", str(folder))
    assert load("auto").name == "mine"


def test_auto_calls_the_official_split_mnist_whatever_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, official: Path
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(shutil.copytree(official, tmp_path / "mine")))
    assert load("auto").name == "mnist"


def test_a_folder_that_is_merely_called_mnist_is_not_named_so(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "mnist", seed=5)
    assert load(str(folder)).name == "./mnist"


@pytest.mark.parametrize("spec", ["auto", "mnist", "fashion-mnist"])
def test_data_folder_without_a_data_set_is_never_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, official: Path, isolated: Path, spec: str
) -> None:
    shutil.copytree(official.parent, isolated, dirs_exist_ok=True)
    monkeypatch.setenv("MNIST_DATA_DIR", str(tmp_path / "nowhere"))
    refusal(lambda: load(spec), "nowhere")


def test_auto_takes_the_cache_before_a_download(
    monkeypatch: pytest.MonkeyPatch, official: Path, isolated: Path
) -> None:
    shutil.copytree(official, isolated / "mnist")
    monkeypatch.setattr(sources, "download", lambda name: pytest.fail("downloaded"))
    assert load("auto").name == "mnist"


@pytest.mark.usefixtures("drawn")
def test_auto_draws_digits_when_there_is_nothing_else() -> None:
    assert load("auto").name == "digits"


@pytest.mark.usefixtures("drawn", "official")
def test_auto_draws_digits_when_the_cache_lacks_a_file(official: Path, isolated: Path) -> None:
    (shutil.copytree(official, isolated / "mnist") / TEST_LABELS).unlink()
    assert load("auto").name == "digits"


@pytest.mark.parametrize("spec", ["auto", "mnist"])
def test_checksum_that_differs_in_the_cache(official: Path, isolated: Path, spec: str) -> None:
    path = shutil.copytree(official, isolated / "mnist") / TEST_LABELS
    expected = downloads.CHECKSUMS["mnist"][TEST_LABELS][:12]
    got = hashlib.sha256(b"damaged").hexdigest()[:12]
    path.write_bytes(b"damaged")
    refusal(lambda: load(spec), str(path), expected, got, "delete the file")


@pytest.mark.parametrize("spec", ["mnist", "fashion-mnist"])
def test_official_split_from_the_cache(official: Path, isolated: Path, spec: str) -> None:
    shutil.copytree(official.parent / spec, isolated / spec)
    dataset = load(spec)
    assert (dataset.name, dataset.sha256) == (spec, sources.OFFICIAL[spec])


@pytest.mark.parametrize("spec", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("folder", ["mnist", "fashion-mnist"])
def test_official_split_from_the_data_folder_or_the_one_beside_it(
    monkeypatch: pytest.MonkeyPatch, official: Path, spec: str, folder: str
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(official.parent / folder))
    dataset = load(spec)
    assert (dataset.name, dataset.sha256) == (spec, sources.OFFICIAL[spec])


@pytest.mark.parametrize("spec", ["mnist", "fashion-mnist"])
@pytest.mark.usefixtures("drawn")
def test_nothing_stands_in_for_an_official_split(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: str
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder(tmp_path / spec, seed=5)))
    refusal(lambda: load(spec), spec, "MNIST_BENCH_NO_DOWNLOAD", "MNIST_DATA_DIR")


def test_path_of_a_folder(tmp_path: Path) -> None:
    assert load(str(small_folder(tmp_path / "mine"))).name == "mine"


def test_path_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "notes.txt", b"not a data set")
    refusal(lambda: load(str(path)), str(path), "text", "no CSV")


@pytest.mark.parametrize("spec", ["imagenet", ""])
def test_unknown_data_set(spec: str) -> None:
    refusal(lambda: load(spec), repr(spec), *SOURCES)


def test_import_costs_numpy_alone() -> None:
    code = (
        "import sys, mnist_core.data; "
        "heavy = 'pooch platformdirs requests pandas pyarrow PIL sklearn'.split(); "
        "print([m for m in heavy if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == "[]"
