"""MNIST and Fashion-MNIST from the user's cache or from their mirrors, with checksums."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mnist_core.data.cache import cache_folder
from mnist_core.errors import DataError

CHECKSUMS = {
    "mnist": {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
}
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}
CONNECT_SECONDS, READ_SECONDS = 4.0, 10.0
FORBID = "MNIST_BENCH_NO_DOWNLOAD"


def forbidden() -> bool:
    """Whether the environment forbids downloads (`MNIST_BENCH_NO_DOWNLOAD=1`)."""
    return os.environ.get(FORBID, "0") not in ("", "0")


def cached(name: str) -> Path | None:
    """Return the cache folder of data set `name`, or None if it does not hold all four files.

    Raises
    ------
    DataError
        When a file's SHA-256 is not the official one.
    """
    folder = cache_folder() / name
    paths = [folder / file for file in CHECKSUMS[name]]
    if not all(path.is_file() for path in paths):
        return None
    for path in paths:
        expected = CHECKSUMS[name][path.name]
        got = hashlib.sha256(path.read_bytes()).hexdigest()
        if got != expected:
            raise DataError(
                f"{path} has SHA-256 {got[:12]}..., expected {expected[:12]}...; "
                "delete the file and retry"
            )
    return folder


def download(name: str) -> Path:
    """Fetch the four files of data set `name` into the cache and return its folder.

    Raises
    ------
    DataError
        When downloads are forbidden (`MNIST_BENCH_NO_DOWNLOAD=1`) or when every mirror fails
        or serves a file with another SHA-256.
    """
    if forbidden():
        raise DataError(
            f"{name} is not in the cache and {FORBID} forbids the download; "
            "set MNIST_DATA_DIR to a folder that holds it"
        )
    folder = cache_folder() / name
    for file, sha256 in CHECKSUMS[name].items():
        _fetch(folder / file, sha256, MIRRORS[name])
    return folder


def _fetch(path: Path, sha256: str, mirrors: tuple[str, ...]) -> None:
    """Download one file from the first mirror that serves it whole; nothing else is kept."""
    import pooch

    # Progress is for the caller to show: several mirrors may fail before one answers.
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, READ_SECONDS))
    failures = []
    for mirror in mirrors:
        try:
            pooch.retrieve(
                mirror + path.name,
                known_hash=f"sha256:{sha256}",
                fname=path.name,
                path=path.parent,
                downloader=downloader,
            )
            return
        except (OSError, ValueError) as error:  # of requests, of the disk; a wrong checksum
            failures.append(f"{mirror}: {_reason(error)}")
    raise DataError(
        f"cannot download {path.name} to {path.parent} ({'; '.join(failures)}); retry, or set "
        "MNIST_DATA_DIR to a folder that holds it"
    )


def _reason(error: Exception) -> str:
    """Say in a few words what failed; the messages of requests run to several lines of nesting."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    if isinstance(error, ValueError) or getattr(error, "strerror", None):
        return str(error)
    return type(error).__name__
