"""How far reordered sums take NumPy from the truth, step by step; computed once and kept."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from mnist_core.data.cache import cache_folder
from mnist_core.numerics.course import Course

VERSION = 2
"""To be raised with every change to what an envelope is; those kept before are then forgotten."""


def _file(course: Course, seed: int, runs: int) -> Path:
    """Where the envelope of a course is kept: named by everything that it depends on."""
    digest = hashlib.sha256()
    facts = (VERSION, np.__version__, course.sizes, course.batch, course.precision.name)
    digest.update(repr((*facts, course.lr, seed, runs, course.data.sha256)).encode())
    for array in (*course.orders, course.chosen, *(w for w, _ in course.initial)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return cache_folder() / "envelopes" / f"{digest.hexdigest()[:32]}.json"


def load(course: Course, seed: int, runs: int) -> list[list[float]] | None:
    """Distances allowed after each step, parameter by parameter, if they are known."""
    try:
        kept = json.loads(_file(course, seed, runs).read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(kept, list) and len(kept) == len(course.indices)
    return kept if whole else None


def save(course: Course, seed: int, runs: int, envelopes: list[list[float]]) -> None:
    """Keep an envelope; where nothing can be written, it is computed again the next time."""
    file = _file(course, seed, runs)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(envelopes))
        os.replace(temporary, file)
