"""From what a person asks for (`--data`) to a data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mnist_core.data.dataset import Dataset
from mnist_core.data.digits import digits
from mnist_core.data.download import cached, download
from mnist_core.data.forms import read_path
from mnist_core.data.idx import read_idx_folder
from mnist_core.data.openml import openml
from mnist_core.data.uniform import uniform
from mnist_core.errors import DataError

SOURCES: tuple[str, ...] = ("auto", "mnist", "fashion-mnist", "digits", "synthetic", "openml")

OFFICIAL = {
    "mnist": "77845a69f1250026f70aeedf8b31af178f431371759894238a6ee5ee70270e1c",
    "fashion-mnist": "ecec76446bbdd38459a9191be59eb66dc8fb40a85d0680d7f7dd40195e3041c2",
}
"""`Dataset.sha256` of the official splits, however their files are packed."""


def load(spec: str) -> Dataset:
    """Load the data set that `spec` names; its `name` says which one it became.

    Parameters
    ----------
    spec : one of `SOURCES` or the path of a data set, a file or a folder (docs/data.md)
        "auto" takes the folder in `MNIST_DATA_DIR`, else MNIST from the cache or a download,
        else the drawn digits. A path named like a source is given as "./mnist".

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        When there is no such data set, or when it is damaged.
    """
    match resolve(spec):
        case "mnist" | "fashion-mnist" as name:
            return _official(name)
        case "digits":
            return digits()
        case "synthetic":
            return uniform()
        case "openml":
            return _named(openml())
        case path if path and Path(path).expanduser().exists():
            return _named(read_path(Path(path).expanduser()))
    raise DataError(
        f"no data set {spec!r}: it is neither a path that exists nor one of {', '.join(SOURCES)}"
    )


def resolve(spec: str) -> str:
    """Settle what "auto" means here and now; any other `spec` is returned as it is.

    Where drawn digits stand in for MNIST, a warning is logged that says why.

    Processes that are to work on the same data load what one of them resolved.
    """
    if spec != "auto":
        return spec
    folder = _data_dir()
    if folder is not None:
        if not folder.is_dir():
            raise DataError(f"MNIST_DATA_DIR is {folder}, which is no folder; mend or unset it")
        return str(folder)
    if cached("mnist") is None:
        try:
            download("mnist")
        except DataError as error:  # no network, or not allowed: what "auto" is for
            logging.getLogger(__name__).warning("data: drawn digits instead of MNIST: %s", error)
            return "digits"
    return "mnist"


def _official(name: str) -> Dataset:
    """Load an official split or fail; nothing else ever stands in for it."""
    for folder in _candidates(name):
        dataset = _named(read_path(folder))
        if dataset.name == name:
            return dataset
    return read_idx_folder(cached(name) or download(name), name)


def _candidates(name: str) -> Iterator[Path]:
    """Yield `MNIST_DATA_DIR` and the folder beside it that is called `name`."""
    folder = _data_dir()
    if folder is None:
        return
    yield folder
    sibling = folder.resolve().parent / name
    if sibling.is_dir():
        yield sibling


def _data_dir() -> Path | None:
    folder = os.environ.get("MNIST_DATA_DIR")
    return Path(folder).expanduser() if folder else None


def _named(dataset: Dataset) -> Dataset:
    """Name an official split as such and nothing else so: rows that say "mnist" hold MNIST."""
    for name, sha256 in OFFICIAL.items():
        if dataset.sha256 == sha256:
            return replace(dataset, name=name)
    if dataset.name.partition(",")[0] in SOURCES:  # also where the name goes on with a split
        return replace(dataset, name=f"./{dataset.name}")
    return dataset
