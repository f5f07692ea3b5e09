"""Files that are whole or not there at all, and folders to put them in."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnist_core.errors import DataError, OutputError

RUNS = Path("results") / "runs"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path to write to; it takes the place of ``path`` when the block ends well, and else goes."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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


def cannot_write(path: Path, error: OSError) -> OutputError:
    """What to raise where a file cannot be written."""
    return OutputError(f"cannot write to {path}: {error.strerror}; choose another --out")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all; ValueError for what JSON has no word for."""
    with replacing(path) as temporary:
        text = json.dumps(value, indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def load_json(folder: Path, name: str) -> Any:
    """A JSON file of a result set; `DataError` names it if it cannot be read."""
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
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
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return values


def now() -> str:
    """Time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
