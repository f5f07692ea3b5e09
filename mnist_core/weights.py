"""Saved weights: safetensors files that say which network they belong to."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mnist_core.errors import DataError, NetworkError, OutputError
from mnist_core.network import Network, parse_sizes
from mnist_core.operators import HostArray


@dataclass(frozen=True)
class Weights:
    """Weight (in, out) and bias (out,) of each layer, with what the file says of them."""

    sizes: tuple[int, ...]
    parameters: list[tuple[HostArray, HostArray]]
    metadata: dict[str, str]


def save(path: Path, network: Network, metadata: Mapping[str, str]) -> None:
    """Write a network's parameters; the file appears whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from safetensors.numpy import save as serialized

    tensors: dict[str, HostArray] = {}
    for i, (weight, bias) in enumerate(network.get_parameters()):
        tensors |= {f"layers.{i}.weight": weight, f"layers.{i}.bias": bias}
    described = {"network": "-".join(map(str, network.sizes)), **metadata}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # safetensors' own writing has its own errors, for a full disk and the like.
        temporary.write_bytes(serialized(tensors, described))
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"cannot write weights to {path}: {error}; choose another --out"
        ) from error
    finally:
        # Where no file can be, none can be removed either.
        with suppress(OSError):
            temporary.unlink()


def load(path: Path) -> Weights:
    """Read weights that `save` wrote.

    Raises
    ------
    DataError
        If the file is missing, damaged, or holds other tensors than its network has.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise DataError(f"weights {path}: no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise DataError(
            f"weights {path}: not a safetensors file that can be read: {error}"
        ) from error
    if "network" not in metadata:
        raise DataError(f"weights {path}: they do not say which network they belong to")
    try:
        sizes = parse_sizes(metadata["network"])
    except NetworkError as error:
        raise DataError(f"weights {path}: {error}") from error
    return Weights(sizes, _parameters(path, sizes, tensors), metadata)


def _parameters(
    path: Path, sizes: tuple[int, ...], tensors: dict[str, HostArray]
) -> list[tuple[HostArray, HostArray]]:
    expected: dict[str, tuple[int, ...]] = {}
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        expected |= {f"layers.{i}.weight": (n_in, n_out), f"layers.{i}.bias": (n_out,)}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != expected:
        raise DataError(f"weights {path}: the tensors are not those of {'-'.join(map(str, sizes))}")
    bad = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if bad:
        raise DataError(f"weights {path}: {bad[0]} holds NaN or infinity")
    values = [tensors[name] for name in expected]
    return list(zip(values[::2], values[1::2], strict=True))
