"""Files that are whole or not there at all, and folders to put them in."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_core.errors import DataError, OutputError
from mnist_core.files import cannot_write as cannot_write
from mnist_core.files import replacing as replacing

if TYPE_CHECKING:
    from filelock import BaseFileLock

RUNS = Path("results") / "runs"

_LOCK = ".lock"


def folder(out: str | None) -> Path:
    """Folder to write to: the one asked for, or one under results/runs named by the time."""
    return Path(out) if out else RUNS / now()[:19].replace(":", "-")


def writable(path: Path) -> Path:
    """Make a folder; `OutputError` at once if nothing can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def remove_if_empty(path: Path) -> None:
    """Remove a folder in which nothing was written; one that holds something stays."""
    with suppress(OSError):
        path.rmdir()


def locked(path: Path) -> "BaseFileLock":
    """The folder's lock, which the system takes back when the process ends in whatever way."""
    from filelock import FileLock, Timeout

    lock = FileLock(path / _LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{path}: another run is writing there; wait for it or choose another --out"
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from error
    return lock


def unlock(path: Path, lock: "BaseFileLock") -> None:
    """Let others write to a folder; one to which nothing was written goes."""
    (path / _LOCK).unlink(missing_ok=True)
    lock.release()
    remove_if_empty(path)


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """While the block runs, this process alone writes to the folder, which is made if need be."""
    lock = locked(writable(path))
    try:
        yield
    finally:
        unlock(path, lock)


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], head: Iterable[str]) -> None:
    """Write a table, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        table = csv.DictWriter(file, list(head), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all; ValueError for what JSON has no word for."""
    with replacing(path) as temporary:
        text = json.dumps(value, indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def load_json(folder: Path, name: str) -> Any:
    """A JSON file of a result set; `DataError` names it if it cannot be read."""
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{folder / name}: cannot be read: {error}") from error


def append_lines(path: Path, values: list[dict[str, Any]]) -> None:
    """Append JSON lines in one write, so that a process that is killed leaves none in half."""
    try:
        with path.open("a", encoding="utf-8") as lines:
            lines.write("".join(json.dumps(value) + "\n" for value in values))
    except OSError as error:
        raise cannot_write(path, error) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Values of a file of JSON lines, none if there is no file; `DataError` names a damaged one.

    A last line without its end was cut off as its writer was killed: it is left out.
    """
    if not path.exists():
        return []
    try:
        whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
        values = [json.loads(line) for line in whole.splitlines()]
        if not all(isinstance(value, dict) for value in values):
            raise ValueError("a line that is no object")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return values


def now() -> str:
    """Time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
