"""Files of weights that are damaged, several, none or dangerous: one line, and nothing is run."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_files import Writer, assert_read, folder, named, npz, refused, safetensors

from mnist_core import weights
from mnist_core.errors import DataError

NAMES = "W1 b1 W2 b2 W3 b3"

# Files and folders


def test_a_file_without_arrays(tmp_path: Path) -> None:
    for i, write in enumerate((npz, safetensors)):
        path = write(tmp_path / str(i), {})
        refused(lambda path=path: weights.load(path), DataError, str(path), "no arrays")


def test_a_single_array_is_no_network(tmp_path: Path) -> None:
    np.save(tmp_path / "w1.npy", np.ones((2, 3)))
    refused(lambda: weights.load(tmp_path / "w1.npy"), DataError, "w1.npy: one array is no network")


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    refused(lambda: weights.load(tmp_path), DataError, f"weights {tmp_path}: ", "no .safetensors")
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "more").mkdir()
    refused(lambda: weights.load(tmp_path), DataError, f"weights {tmp_path}: ", "no .safetensors")


@pytest.mark.parametrize("name", ["model.npz", "model.safetensors"])
def test_the_only_network_of_a_folder_is_found(name: str, tmp_path: Path) -> None:
    write = npz if name.endswith("npz") else safetensors
    write(tmp_path / name, named(NAMES))
    (tmp_path / "notes.txt").write_text("words")
    assert_read(tmp_path)


def test_several_networks_in_a_folder_are_refused(tmp_path: Path) -> None:
    folder(tmp_path / "weights", named(NAMES))
    npz(tmp_path / "weights" / "a.npz", named(NAMES))
    parts = "several networks", "(a.npz, W1.npy)"
    refused(lambda: weights.load(tmp_path / "weights"), DataError, *parts)


def test_content_counts_not_the_name(tmp_path: Path) -> None:
    assert_read(npz(tmp_path / "weights.safetensors", named(NAMES)))
    assert_read(tmp_path)
    assert_read(safetensors(tmp_path / "weights.npz", named(NAMES)))


def test_a_damaged_array_of_a_folder_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path / "weights", named(NAMES)) / "b2.npy"
    whole = path.read_bytes()
    for content, reason in (
        (b"", "empty"),
        (b"words", "is text"),
        (whole[:-1], "damaged or cut off"),
        (whole[:60], "damaged or cut off"),
    ):
        path.write_bytes(content)
        refused(lambda: weights.load(path.parent), DataError, f"weights {path}: ", reason)


def test_an_npz_that_is_cut_off(tmp_path: Path) -> None:
    path = npz(tmp_path / "weights", named(NAMES))
    path.write_bytes(path.read_bytes()[:-20])
    refused(lambda: weights.load(path), DataError, f"weights {path}: damaged or cut off")


@given(form=st.sampled_from([npz, folder, safetensors]), place=st.integers(0), value=st.binary())
def test_damage_is_refused_in_a_line_or_does_no_harm(
    form: Writer, place: int, value: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = form(tmp_path_factory.mktemp("damaged") / "weights", named("W1 b1", (3, 2)))
    file = path / "W1.npy" if path.is_dir() else path
    content = bytearray(file.read_bytes())
    place %= len(content)
    content[place : place + len(value)] = value
    file.write_bytes(content)
    try:
        found = weights.load(path).sizes
    except DataError as error:
        reason = str(error)
        found = None
    if found is None:
        assert reason.startswith(f"weights {path}")
        assert "\n" not in reason
        assert len(reason) < 600
    else:
        assert found == (3, 2)


# Pickles


class Hostile:
    """What makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def objects(hostile: Hostile) -> np.ndarray:
    array = np.empty(2, object)
    array[:] = hostile
    return array


def saved(save: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


PICKLES: dict[str, Callable[[Hostile], bytes]] = {
    **{f"protocol {i}": lambda h, i=i: pickle.dumps(h, protocol=i) for i in range(6)},
    "npy": lambda h: saved(np.save, objects(h)),
    "npz": lambda h: saved(np.savez, W1=objects(h), b1=np.ones(2)),
    "npz with a pickle in it": lambda h: zipped(**{"W1.npy": pickle.dumps(h)}),
    "as PyTorch saves": lambda h: zipped(
        **{"archive/data.pkl": pickle.dumps(h, protocol=2), "archive/version": b"3\n"}
    ),
    "as PyTorch saved once": lambda h: pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(h, 2),
}
ACCEPTED = ("w", "w.npy", "w.npz", "w.safetensors", "weights.safetensors")
PICKLE_NAMES = ("w.pt", "w.pth", "w.pkl", "w.pickle")
SAID = {"npy", "npz", "as PyTorch saves", "as PyTorch saved once"}
SAID |= {f"protocol {i}" for i in range(2, 6)}  # those before begin as any text may


@pytest.mark.parametrize("name", [*ACCEPTED, *PICKLE_NAMES])
@pytest.mark.parametrize("kind", PICKLES)
def test_no_pickle_is_ever_opened(kind: str, name: str, tmp_path: Path) -> None:
    marker, inner = tmp_path / "marker", tmp_path / "folder"
    inner.mkdir()
    path = inner / name
    path.write_bytes(PICKLES[kind](Hostile(marker)))
    said = ("a Python pickle, which is never opened", "safetensors") if kind in SAID else ()
    refused(lambda: weights.load(path), DataError, str(path), *said)
    refused(lambda: weights.load(inner), DataError, str(inner))
    np.save(inner / "W1.npy", np.ones((3, 2)))
    np.save(inner / "b1.npy", np.ones(2))
    if name in ("w", *PICKLE_NAMES):
        assert weights.load(inner).sizes == (3, 2)  # what is no weights is left alone
    else:
        refused(lambda: weights.load(inner), DataError, str(inner))
    assert not marker.exists()


def test_the_hostile_pickle_would_do_harm(tmp_path: Path) -> None:
    content = pickle.dumps(Hostile(tmp_path / "marker"))
    assert not (tmp_path / "marker").exists()
    pickle.loads(content)
    assert (tmp_path / "marker").exists()
