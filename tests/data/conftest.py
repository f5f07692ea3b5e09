"""Where these tests look for data: nowhere but in what they make, and nothing is downloaded."""

import hashlib
from pathlib import Path

import pytest
from idx_files import NAMES, small_dataset, small_folder

from mnist_core.data import download as downloads
from mnist_core.data import sources
from mnist_core.data.idx import read_idx_folder


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give each test an empty cache, no data folder and no leave to download."""
    cache = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: cache)
    monkeypatch.delenv("MNIST_DATA_DIR", raising=False)
    monkeypatch.setenv("MNIST_BENCH_NO_DOWNLOAD", "1")
    return cache


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make two small data sets the official MNIST and Fashion-MNIST; return MNIST's folder."""
    for seed, name in enumerate(("mnist", "fashion-mnist")):
        folder = small_folder(tmp_path / "official" / name, seed=seed)
        sums = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in NAMES}
        monkeypatch.setitem(downloads.CHECKSUMS, name, sums)
        monkeypatch.setitem(sources.OFFICIAL, name, read_idx_folder(folder).sha256)
    return tmp_path / "official" / "mnist"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the full set of drawn digits, which takes seconds."""
    monkeypatch.setattr(sources, "digits", lambda: small_dataset(name="digits"))
