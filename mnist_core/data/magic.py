"""What a file is, told by its first bytes, and what to say where it is not what was wanted.

Nothing is opened here but to read these bytes: a pickle above all is only recognised.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from mnist_core.errors import DataError

HEAD = 512
GZIP_MAGIC = b"\x1f\x8b"
RETRY = "fetch it again"

SIGNATURES = (
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    *((bytes((0, 0, value_type)), "idx") for value_type in (8, 9, 11, 12, 13, 14)),
    (b"PAR1", "parquet"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    *((bytes((0x80, protocol)), "pickle") for protocol in range(2, 6)),
)

DESCRIPTIONS = {
    "npy": "a NumPy array",
    "zip": "a zip archive",
    "png": "a PNG image",
    "jpeg": "a JPEG image",
    "idx": "an IDX file",
    "parquet": "a Parquet file",
    "hdf5": "an HDF5 file",
    "pickle": "a Python pickle, which is never opened, since opening one can run code",
    "gzip": "a gzip file",
    "page": "a web page, probably saved in the place of the file",
    "pointer": "a Git LFS pointer",
    "text": "text",
    "empty": "empty",
    "unknown": "of no form that is known here",
}
REMEDIES = {
    "pickle": "convert it to .npy or CSV",
    "gzip": "unpack it",
    "page": RETRY,
    "pointer": "run git lfs pull",
    "empty": RETRY,
}


def kind(path: Path) -> str:
    """Return what a file is: a key of `DESCRIPTIONS`. Of a gzipped IDX or pickle, that.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise cannot_read(path, error) from error
    if not head.startswith(GZIP_MAGIC):
        return kind_of(head)
    try:
        with gzip.open(path) as file:
            packed = kind_of(file.read(HEAD))
    except (EOFError, OSError, zlib.error):
        return "gzip"
    return packed if packed in ("idx", "pickle") else "gzip"


def kind_of(head: bytes) -> str:
    """Return what a file with these first bytes is: a key of `DESCRIPTIONS`."""
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            return name
    start = head[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "page"
    if start.startswith(b"version https://git-lfs"):
        return "pointer"
    if not head:
        return "empty"
    control = set(head[:HEAD]) & (set(range(32)) - set(b"\t\n\r\f"))
    return "unknown" if control else "text"


def refusal(path: Path, found: str, wanted: str, remedy: str = "") -> DataError:
    """Return the error for a file that is `found`, a key of `DESCRIPTIONS`, and not `wanted`."""
    is_wanted = "" if found == "empty" else f", not {wanted}"
    remedy = REMEDIES.get(found) or remedy or f"give {wanted}"
    return DataError(f"{path} is {DESCRIPTIONS[found]}{is_wanted}; {remedy}")


def cannot_read(path: Path, error: OSError) -> DataError:
    """Return the error for a file that cannot be read."""
    reason = error.strerror or type(error).__name__
    return DataError(f"cannot read {path}: {reason}; check the path")
