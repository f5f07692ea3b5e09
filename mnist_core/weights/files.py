"""From a file or folder of weights to its arrays: known by content, and nothing is unpickled."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mnist_core.data import magic
from mnist_core.errors import DataError
from mnist_core.operators import HostArray

FILE_NAME = "weights.safetensors"
"""Of the weights in the folder of a training."""

_ENDINGS = (".safetensors", ".npz", ".npy")
"""Of the files in a folder that are looked into."""

_FLOATS = ("F16", "F32", "F64")

_PICKLE_ENDINGS = (".pt", ".pth", ".pkl", ".pickle")

_REMEDIES = magic.REMEDIES | {
    "pickle": (
        "where it was made, save the arrays alone: "
        "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors') or numpy.savez"
    )
}

_LONGEST = 300


@dataclass(frozen=True)
class Contents:
    """Arrays by name, in the order of the file, and what it says of them.

    ``squares_out_first`` is how square weights are read where nothing else tells: (out, in), as
    PyTorch has them.
    """

    arrays: dict[str, HostArray]
    metadata: dict[str, str] = field(default_factory=dict)
    squares_out_first: bool = False


def refusal(path: Path, reason: object) -> DataError:
    """The error for weights that cannot be used: one line, however much of a file it quotes."""
    line = " ".join(str(reason).split())
    return DataError(f"weights {path}: {line if len(line) <= _LONGEST else line[:_LONGEST] + '…'}")


def read(path: Path) -> Contents:
    """Read a file of weights, or the only network in a folder.

    Raises
    ------
    DataError
        If it is missing, damaged, a pickle or of another kind, or if a folder holds several.
    """
    with _refusing(path):
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        return _read_folder(path)
    if not is_file:
        raise refusal(path, "no such file or folder")
    match _kind(path):
        case "safetensors":
            return _read_safetensors(path)
        case "zip":
            return Contents(_read_npz(path))
        case _:
            _read_npy(path)
            raise refusal(path, "one array is no network; give the folder with the others in it")


def _kind(path: Path) -> str:
    """Kind of a file by its first bytes: safetensors, zip or npy; anything else is refused."""
    with _refusing(path), path.open("rb") as file:
        head = file.read(9)
    # A header's length, of which none needs the upper half, and the header, which is JSON.
    if head[4:] == b"\0\0\0\0{":
        return "safetensors"
    found = magic.kind(path)
    if found in ("zip", "npy"):
        return found
    raise _of_kind(path, found)


def _of_kind(path: Path, found: str, what: str = "it") -> DataError:
    """The error for what is no weights: a pickle, or of another kind that `magic` knows."""
    remedy = _REMEDIES.get(found) or "give safetensors, .npz or a folder of .npy"
    return refusal(path, f"{what} is {magic.DESCRIPTIONS[found]}; {remedy}")


def _read_folder(folder: Path) -> Contents:
    """What a training wrote; else the only file of a whole network, or the arrays of one."""
    if (folder / FILE_NAME).is_file():
        return read(folder / FILE_NAME)
    with _refusing(folder):
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    kinds = {path: _kind(path) for path in paths if path.suffix in _ENDINGS}
    arrays = [path for path, kind in kinds.items() if kind == "npy"]
    networks = [path for path, kind in kinds.items() if kind != "npy"]
    if not kinds:
        pickles = [path for path in paths if path.suffix in _PICKLE_ENDINGS]
        if pickles:
            raise _of_kind(pickles[0], "pickle")
        raise refusal(folder, f"there is no {', '.join(_ENDINGS)} in the folder")
    if len(networks) + bool(arrays) > 1:
        names = ", ".join(path.name for path in [*networks, *arrays[:1]])
        raise refusal(folder, f"several networks in one folder ({names}): give the path of one")
    if networks:
        return read(networks[0])
    return Contents({path.stem: _read_npy(path) for path in arrays})


def _read_npy(path: Path) -> HostArray:
    with _refusing(path, "damaged or cut off"):
        return np.asarray(np.load(path, allow_pickle=False))


def _read_npz(path: Path) -> dict[str, HostArray]:
    """Arrays of an .npz; PyTorch's own files are zip files too, with a pickle in them."""
    with _refusing(path, "damaged or cut off"), np.load(path, allow_pickle=False) as archive:
        pickled = any(name.endswith(".pkl") for name in archive.files)
        arrays = {} if pickled else {name: archive[name] for name in archive.files}
    if pickled:
        raise _of_kind(path, "pickle")
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray):
            raise refusal(path, f"{name} is no array")
    return arrays


@contextmanager
def _refusing(path: Path, why: str = "it cannot be read") -> Iterator[None]:
    """Refuse a file in one line where reading it fails.

    What NumPy raises for a damaged header or zip file is whatever it meets, tokenize's errors even.
    """
    try:
        yield
    except Exception as error:
        if "Object arrays" in str(error):
            raise _of_kind(path, "pickle", "an array of objects") from error
        raise refusal(path, f"{why}: {error}") from error


def _read_safetensors(path: Path) -> Contents:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            types = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
            arrays = {name: file.get_tensor(name) for name in types if types[name] in _FLOATS}
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise refusal(path, f"not a safetensors file that can be read: {error}") from error
    for name, kind in types.items():
        if kind == "BF16":
            arrays[name] = _bfloat16(path, name)
        elif kind not in _FLOATS:
            raise refusal(path, f"{name} holds {kind}, not floats of 16, 32 or 64 bits")
    return Contents({name: arrays[name] for name in types}, metadata, squares_out_first=True)


def _bfloat16(path: Path, name: str) -> HostArray:
    """A tensor of bfloat16, which NumPy has not: the upper halves of float32."""
    from safetensors import deserialize

    tensor = dict(deserialize(path.read_bytes()))[name]  # type: ignore[no-untyped-call]
    halves = np.frombuffer(tensor["data"], "<u2").astype(np.uint32)
    return (halves << 16).view(np.float32).reshape(tensor["shape"])
