"""How far reordered sums take NumPy from the truth, step by step; computed once and kept."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

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
    return kept if _plausible(kept, course) else None


def _plausible(kept: Any, course: Course) -> bool:
    """Whether what was read can be an envelope: one width a parameter and the loss, never less."""
    shape = (len(course.indices), 2 * (len(course.sizes) - 1) + 1)
    try:
        widths = np.asarray(kept, float)
    except (ValueError, TypeError):
        return False
    return (
        widths.shape == shape
        and bool(np.isfinite(widths).all())
        and bool((widths[0] >= course.precision.roundoff).all())
        and bool((np.diff(widths, axis=0) >= 0).all())
    )


def save(course: Course, seed: int, runs: int, envelopes: list[list[float]]) -> None:
    """Keep an envelope; where nothing can be written, it is computed again the next time."""
    file = _file(course, seed, runs)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(envelopes))
        os.replace(temporary, file)
