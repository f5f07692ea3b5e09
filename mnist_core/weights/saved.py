"""Weights as a network takes them: saved so that they say whose they are, loaded from any file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mnist_core import hashes
from mnist_core.errors import DataError, NetworkError
from mnist_core.files import replacing
from mnist_core.network import Network, parse_sizes
from mnist_core.operators import HostArray
from mnist_core.precision import PRECISIONS
from mnist_core.weights import files, layers


@dataclass(frozen=True)
class Weights:
    """Weight (in, out) and bias (out,) of each layer, with what the file says of them.

    All are float32 or all float64. The metadata of what others wrote is theirs, or empty.
    """

    sizes: tuple[int, ...]
    parameters: list[tuple[HostArray, HostArray]]
    metadata: dict[str, str]

    @property
    def precision(self) -> str:
        """Name of the precision that the file says they were trained in, else of their dtype."""
        said = self.metadata.get("precision", "")
        return said if said in PRECISIONS else str(self.parameters[0][0].dtype)

    @property
    def sha256(self) -> str:
        """Hash of the parameters, as the function of this name gives it for a live network's."""
        return sha256(self.parameters)


def sha256(parameters: Iterable[tuple[HostArray, HostArray]]) -> str:
    """Hash of each weight and bias: that of two networks is the same if every bit of them is.

    Of a live network, pass what `Network.get_parameters` gives.
    """
    return hashes.sha256(array for pair in parameters for array in pair)


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
    described = {"network": _named(network.sizes), **metadata}
    with replacing(path) as temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
        # safetensors' own writing has its own errors, for a full disk and the like.
        temporary.write_bytes(serialized(tensors, described))


def load(path: Path, sizes: Sequence[int] | None = None) -> Weights:
    """Read weights: what `save` wrote, a PyTorch state_dict as safetensors, .npz, a folder of .npy.

    Files are known by their content, and none is ever unpickled. docs/weights.md says which names
    and shapes are understood.

    Parameters
    ----------
    path
        File, or folder that holds one network.
    sizes
        Layer sizes that the weights must have; any if not given.

    Raises
    ------
    DataError
        If the weights are missing, damaged, not those of one network, or of another than ``sizes``.
    """
    contents = files.read(path)
    try:
        arrays = _floats(contents.arrays)
        if "network" in contents.metadata:
            parameters = _own(parse_sizes(contents.metadata["network"]), arrays)
        else:
            parameters = layers.parameters(arrays, squares_out_first=contents.squares_out_first)
    except (DataError, NetworkError) as error:
        raise files.refusal(path, error) from error
    found = (parameters[0][0].shape[0], *(bias.size for _, bias in parameters))
    if sizes is not None and found != tuple(sizes):
        raise DataError(f"weights {path} are of {_named(found)}, not {_named(sizes)}")
    return Weights(found, parameters, contents.metadata)


def _named(sizes: Sequence[int]) -> str:
    return "-".join(map(str, sizes))


def _floats(arrays: Mapping[str, HostArray]) -> dict[str, HostArray]:
    """The arrays in float32, or all in float64 where one is wider; they must be finite."""
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise DataError(f"{name} holds {array.dtype}, not floats")
    wide = any(array.dtype.itemsize > 4 for array in arrays.values())
    with np.errstate(over="ignore"):
        converted = {
            name: array.astype(np.float64 if wide else np.float32) for name, array in arrays.items()
        }
    for name, array in converted.items():
        if not np.isfinite(array).all():
            raise DataError(f"{name} holds NaN or infinity")
    return converted


def _own(
    sizes: tuple[int, ...], tensors: Mapping[str, HostArray]
) -> list[tuple[HostArray, HostArray]]:
    """Parameters of the network that `save` named, under the names that it gave them."""
    expected: dict[str, tuple[int, ...]] = {}
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        expected |= {f"layers.{i}.weight": (n_in, n_out), f"layers.{i}.bias": (n_out,)}
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise DataError(f"the tensors are not those of {_named(sizes)}")
    values = [tensors[name] for name in expected]
    return list(zip(values[::2], values[1::2], strict=True))
