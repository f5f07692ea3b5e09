"""Saved weights: what comes back is what was saved, and what cannot be used says why."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from weight_files import refused

from mnist_core import registry, weights
from mnist_core.backends import Backend
from mnist_core.errors import DataError, OutputError
from mnist_core.network import Network, initial_parameters
from mnist_core.precision import PRECISIONS, Precision

SIZES = (7, 5, 3)


def tensors(sizes: tuple[int, ...] = SIZES) -> dict[str, np.ndarray]:
    found = {}
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        found[f"layers.{i}.weight"] = np.ones((n_in, n_out), np.float32)
        found[f"layers.{i}.bias"] = np.zeros(n_out, np.float32)
    return found


def written(path: Path, found: dict[str, np.ndarray], network: str | None = "7-5-3") -> Path:
    save_file(found, path, metadata=None if network is None else {"network": network})
    return path


# There and back


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=PRECISIONS)
def test_weights_come_back_bit_for_bit(
    backend: Backend, precision: Precision, tmp_path: Path
) -> None:
    network = Network(SIZES, backend, precision=precision, initial=initial_parameters(SIZES, 3))
    path = tmp_path / "new" / "folder" / "weights.safetensors"
    weights.save(path, network, {"data": "digits", "epochs": "3"})
    loaded = weights.load(path)
    assert loaded.sizes == SIZES
    assert loaded.metadata == {"network": "7-5-3", "data": "digits", "epochs": "3"}
    for pair, expected in zip(loaded.parameters, network.get_parameters(), strict=True):
        for a, b in zip(pair, expected, strict=True):
            assert a.dtype == b.dtype == precision.dtype
            assert a.tobytes() == b.tobytes()
    again = Network(loaded.sizes, backend, precision=precision, initial=loaded.parameters)
    to_host = backend.space.to_host
    np.testing.assert_array_equal(to_host(again.parameters), to_host(network.parameters))


def test_layers_beyond_the_tenth_keep_their_order(tmp_path: Path) -> None:
    """By name, layers.10 comes before layers.2."""
    sizes = tuple(range(14, 1, -1))
    network = Network(sizes, registry.backend("numpy"))
    weights.save(tmp_path / "deep", network, {})
    assert [w.shape for w, _ in weights.load(tmp_path / "deep").parameters] == [*pairwise(sizes)]


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for seed in (1, 2):
        initial = initial_parameters(SIZES, seed)
        weights.save(path, Network(SIZES, registry.backend("numpy"), initial=initial), {})
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]
    np.testing.assert_array_equal(
        weights.load(path).parameters[0][0], initial[0][0].astype(np.float32)
    )


def test_weights_are_found_in_the_folder_of_a_training(tmp_path: Path) -> None:
    """Whatever else is in it."""
    written(tmp_path / weights.FILE_NAME, tensors())
    (tmp_path / "history.csv").write_text("epoch,loss\n")
    np.save(tmp_path / "w1.npy", np.ones((2, 2)))
    assert weights.load(tmp_path).sizes == SIZES


# The same bits


def test_hash_is_the_same_for_the_same_bits_alone(tmp_path: Path) -> None:
    network = Network(SIZES, registry.backend("numpy"), initial=initial_parameters(SIZES, 3))
    weights.save(tmp_path / "weights", network, {"data": "digits"})
    parameters = network.get_parameters()
    expected = weights.sha256(parameters)
    assert len(expected) == 64
    assert weights.load(tmp_path / "weights").sha256 == expected
    swapped = [(w.astype(w.dtype.newbyteorder(">")), b) for w, b in parameters]
    fortran = [(np.asfortranarray(w), b) for w, b in parameters]
    assert weights.sha256(swapped) == weights.sha256(fortran) == expected
    assert weights.sha256([(w.T.copy(), b) for w, b in parameters]) != expected
    assert weights.sha256([(w.astype(np.float64), b) for w, b in parameters]) != expected
    bias = parameters[1][1]
    bias[0] = np.nextafter(bias[0], np.float32(1))
    assert weights.sha256(parameters) != expected


# What is refused


def test_missing_file(tmp_path: Path) -> None:
    refused(lambda: weights.load(tmp_path / "no"), DataError, str(tmp_path / "no"), "no such file")
    refused(lambda: weights.load(tmp_path / ("long" * 99)), DataError, "File name too long")


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        (0, "it is empty; fetch it again"),
        (8, "it is of no form that is known here; give safetensors"),
        (100, "not a safetensors file that can be read"),
        (-1, "not a safetensors file that can be read"),
    ],
)
def test_truncated_file(length: int, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path / "weights", tensors())
    path.write_bytes(path.read_bytes()[:length])
    refused(lambda: weights.load(path), DataError, f"weights {path}: {reason}")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"not weights at all\n" * 9, "text; give safetensors"),
        (b"\xff\x01" * 99, "of no form"),
        (b"PKZIP", "text"),
        (b"\0\0\x08\x03" + bytes(12), "an IDX file; give safetensors, .npz or a folder of .npy"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"<!doctype html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer; run git lfs pull"),
    ],
)
def test_file_of_another_kind(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(content)
    refused(lambda: weights.load(path), DataError, f"weights {path}: it is {what}")


def test_weights_of_another_network_than_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "weights", tensors())
    assert weights.load(path, SIZES).sizes == SIZES
    refused(lambda: weights.load(path, (7, 5, 4, 3)), DataError, "are of 7-5-3, not 7-5-4-3")


@pytest.mark.parametrize("network", ["", "7", "many"])
def test_file_that_names_what_is_no_network(network: str, tmp_path: Path) -> None:
    path = written(tmp_path / "weights", tensors(), network)
    refused(lambda: weights.load(path), DataError, str(path), f"network {network!r}")


@pytest.mark.parametrize("other", [(7, 5), (7, 5, 4), (7, 5, 3, 3), (8, 5, 3), (5, 7, 3)], ids=str)
def test_tensors_of_another_network(other: tuple[int, ...], tmp_path: Path) -> None:
    path = written(tmp_path / "weights", tensors(other))
    refused(lambda: weights.load(path), DataError, str(path), "tensors are not those of 7-5-3")


def test_tensor_too_many_or_under_another_name(tmp_path: Path) -> None:
    more, renamed = tensors() | {"optimizer": np.ones(2, np.float32)}, tensors()
    renamed["layers.1.scale"] = renamed.pop("layers.1.bias")
    for i, found in enumerate((more, renamed)):
        path = written(tmp_path / f"weights{i}", found)
        refused(lambda path=path: weights.load(path), DataError, "tensors are not those of 7-5-3")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite(value: float, tmp_path: Path) -> None:
    found = tensors()
    found["layers.1.bias"][2] = value
    path = written(tmp_path / "weights", found)
    refused(lambda: weights.load(path), DataError, str(path), "layers.1.bias holds NaN or infinity")


# Where nothing can be written


def network() -> Network:
    return Network(SIZES, registry.backend("numpy"))


def test_folder_below_a_regular_file(tmp_path: Path) -> None:
    """Unlike a folder without permission, this stops even the superuser."""
    (tmp_path / "file").write_text("here")
    path = tmp_path / "file" / "weights"
    refused(lambda: weights.save(path, network(), {}), OutputError, str(path), "--out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "here"


def test_path_that_is_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.mkdir()
    refused(lambda: weights.save(path, network(), {}), OutputError, str(path), "--out")
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]


def test_writing_that_fails_leaves_the_old_file_and_no_part_of_the_new(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limit on a file's size")
    path = tmp_path / "weights"
    weights.save(path, network(), {"which": "old"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))  # like a disk that is full
    try:
        refused(lambda: weights.save(path, network(), {}), OutputError, str(path), "too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]
    assert weights.load(path).metadata["which"] == "old"


def test_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is written beside it; what then puts it in its place is one move."""
    path = tmp_path / "weights"
    weights.save(path, network(), {"which": "old"})

    def refuse(source: Path, target: Path) -> None:
        assert weights.load(source).metadata["which"] == "new"
        raise OSError("no move")

    monkeypatch.setattr("os.replace", refuse)
    refused(lambda: weights.save(path, network(), {"which": "new"}), OutputError, "no move")
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]
    assert weights.load(path).metadata["which"] == "old"
