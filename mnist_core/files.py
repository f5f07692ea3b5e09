"""Files that are whole or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mnist_core.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path to write to; it takes the place of ``path`` when the block ends well, and else goes.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        # Where no file can be, none can be removed either.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> OutputError:
    """What to raise where a file cannot be written."""
    return OutputError(f"cannot write to {path}: {error.strerror or error}; choose another --out")
