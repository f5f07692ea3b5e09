"""The suite's own source, and what git knows of it."""

import subprocess
from pathlib import Path

from mnist_core.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
"""Where the suite's own source lies."""

PACKAGES = ("mnist_core", "kernels", "bench")


def git(*arguments: str) -> str:
    """What git says in the suite's own repository; `DataError` if it complains."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except OSError as error:
        raise DataError(f"git cannot be run: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split())
        raise DataError(f"git {arguments[0]} in {ROOT}: {said or 'failed'}") from error
    return done.stdout.strip()


def commit_of(name: str) -> str | None:
    """Hash of a commit by any name that git knows, or None."""
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except DataError:
        return None


def working_tree() -> tuple[str, bool]:
    """Commit of the source as it lies there, and whether it was changed; empty outside git."""
    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return "", False
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", *PACKAGES))
    except DataError:
        return "", False
