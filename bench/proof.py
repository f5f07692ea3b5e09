"""What one machine shows another: the weights' hashes after every step of a training."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import files
from mnist_core.data import Dataset
from mnist_core.errors import DataError, MnistBenchError, OutputError
from mnist_core.network import parse_sizes
from mnist_core.numerics.exact import Recipe, beginnings
from mnist_core.precision import EXACT
from mnist_core.training import check_recipe

SCHEMA = 1


@dataclass(frozen=True)
class Proof:
    """A training in exact precision and, where it was stored, the weights' hash after each step."""

    recipe: Recipe
    weights: list[str] | None = None

    @property
    def network(self) -> str:
        """Layer sizes as people write them."""
        return "-".join(map(str, self.recipe.sizes))

    @property
    def label(self) -> str:
        """How progress and tables name it."""
        recipe = self.recipe
        return (
            f"{self.network}, batch {recipe.batch}, learning rate {recipe.lr:g}, seed {recipe.seed}"
        )

    def certified_by(self, certificate: dict[str, Any]) -> bool:
        """Whether a certificate is of this training."""
        recipe = self.recipe
        names = ("network", "batch", "lr", "seed")
        wanted = (self.network, recipe.batch, recipe.lr, recipe.seed)
        return tuple(certificate[name] for name in names) == wanted


def save_proofs(path: Path, data: Dataset, certificates: Sequence[dict[str, Any]]) -> None:
    """Write each training that was certified, once; the file appears whole or not at all.

    Raises
    ------
    OutputError
        If none was certified, which leaves a file that is there as it is.
    """
    passed = [c for c in certificates if c["precision"] == EXACT.name and c["passed"]]
    if not passed:
        raise OutputError(f"{path} is not written: no training was certified in exact precision")
    trainings = {(c["network"], c["batch"], c["lr"], c["seed"]): c for c in passed}
    value = {"schema": SCHEMA, "trainings": [_entry(c, data) for c in trainings.values()]}
    with files.replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _entry(certificate: dict[str, Any], data: Dataset) -> dict[str, Any]:
    kept = ("network", "batch", "lr", "seed")
    return {
        "data_name": data.name,
        **{name: certificate[name] for name in kept},
        **{name: certificate["hashes"][name] for name in ("data", "initial_weights", "order")},
        "weights": certificate["steps"],
    }


def load_proofs(path: Path, data: Dataset) -> list[Proof]:
    """Trainings on ``data`` that another machine stored.

    Raises
    ------
    DataError
        If the file cannot be read, holds none on these data, or began from other weights or in
        another order than this machine does.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise ValueError(f"its schema is {found['schema']}, this version reads {SCHEMA}")
        names = sorted({str(entry["data_name"]) for entry in found["trainings"]})
        here = [entry for entry in found["trainings"] if entry["data"] == data.sha256]
        proofs = [_proof(entry, data) for entry in here]
    except _Other as error:
        raise DataError(f"{path}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, MnistBenchError) as error:
        message = " ".join(str(error).split())
        raise DataError(f"{path}: not a file that `verify --save` wrote: {message}") from error
    if not proofs:
        on = ", ".join(names) or "nothing"
        raise DataError(f"{path} holds trainings on {on}, none on this {data.name}; give --data")
    return proofs


class _Other(Exception):
    """A training that began otherwise than it would here."""


def _proof(entry: dict[str, Any], data: Dataset) -> Proof:
    weights = [str(sha256) for sha256 in entry["weights"]]
    sizes, batch, lr = parse_sizes(entry["network"]), int(entry["batch"]), float(entry["lr"])
    check_recipe(sizes, data, batch)
    EXACT.rate(lr, batch)
    proof = Proof(Recipe(sizes, batch, lr, int(entry["seed"]), len(weights)), weights)
    for name, sha256 in beginnings(proof.recipe, data).items():
        if entry[name] != sha256:
            raise _Other(f"{proof.label}: other {name.replace('_', ' ')} than here")
    return proof
