"""Weights as others save them: one network under any names, in every form that is read."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mnist_core import weights
from mnist_core.errors import MnistBenchError

SIZES = (7, 5, 4, 3)

Arrays = dict[str, Any]


def parameters(sizes: Sequence[int] = SIZES) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight (in, out) and bias (out,) of each layer, of which no two values are alike."""
    values = iter(range(1, 10_000))
    return [
        (
            np.array([[next(values) for _ in range(n_out)] for _ in range(n_in)], np.float32),
            np.array([next(values) for _ in range(n_out)], np.float32),
        )
        for n_in, n_out in pairwise(sizes)
    ]


def named(names: str, sizes: Sequence[int] = SIZES, *, turned: bool = False) -> Arrays:
    """The parameters under names such as "W1 b1 W2 b2", weights turned round to (out, in)."""
    flat = [p.T.copy() if turned and p.ndim == 2 else p for pair in parameters(sizes) for p in pair]
    return dict(zip(names.split(), flat, strict=True))


def npz(path: Path, arrays: Arrays) -> Path:
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz").rename(path)


def npz_compressed(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz").rename(path)


def folder(path: Path, arrays: Arrays) -> Path:
    path.mkdir()
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", array)
    return path


def safetensors(path: Path, arrays: Arrays) -> Path:
    save_file(arrays, path)
    return path


Writer = Callable[[Path, Arrays], Path]
FORMS: list[Writer] = [npz, npz_compressed, folder, safetensors]
in_all_forms = pytest.mark.parametrize("write", FORMS, ids=lambda form: form.__name__)


def assert_read(path: Path, sizes: tuple[int, ...] = SIZES, dtype: type = np.float32) -> None:
    loaded = weights.load(path)
    assert loaded.sizes == sizes
    for pair, expected in zip(loaded.parameters, parameters(sizes), strict=True):
        for a, b in zip(pair, expected, strict=True):
            assert a.dtype == dtype
            assert a.flags.c_contiguous
            np.testing.assert_array_equal(a, b)


def refused(action: Callable[[], object], error: type[MnistBenchError], *parts: str) -> None:
    """Check that the action is refused in one line that holds all of ``parts``."""
    with pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
