"""What one machine shows another: the weights' hashes after every step of a training."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import results
from mnist_core.data import Dataset
from mnist_core.errors import DataError, NetworkError
from mnist_core.network import parse_sizes
from mnist_core.numerics.exact import Recipe, beginnings

SCHEMA = 1


@dataclass(frozen=True)
class Proof:
    """A training in exact precision and, where it was stored, the weights' hash after each step."""

    recipe: Recipe
    weights: list[str] | None = None

    @property
    def label(self) -> str:
        """How progress and tables name it."""
        recipe = self.recipe
        return (
            f"{'-'.join(map(str, recipe.sizes))}, batch {recipe.batch}, "
            f"learning rate {recipe.lr:g}, seed {recipe.seed}"
        )


def save_proof(path: Path, data: Dataset, certificates: list[dict[str, Any]]) -> None:
    """Write each training that was certified, once; the file appears whole or not at all."""
    trainings = {
        (c["network"], c["batch"], c["seed"]): {
            "data_name": data.name,
            "network": c["network"],
            "batch": c["batch"],
            "lr": c["lr"],
            "seed": c["seed"],
            **{name: c["hashes"][name] for name in ("data", "initial_weights", "order")},
            "weights": c["steps"],
        }
        for c in certificates
        if c["precision"] == "exact" and c["passed"]
    }
    value = {"schema": SCHEMA, "trainings": list(trainings.values())}
    with results.replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def load_proof(path: Path, data: Dataset) -> list[Proof]:
    """Trainings on ``data`` that another machine stored.

    Raises
    ------
    DataError
        If the file cannot be read, holds none on these data, or began from other weights or in
        another order than this machine does.
    """
    try:
        trainings = json.loads(path.read_text(encoding="utf-8"))["trainings"]
        stored = [(_proof(entry), entry) for entry in trainings]
    except (OSError, ValueError, KeyError, TypeError, NetworkError) as error:
        raise DataError(f"{path}: not a file that `verify --save` wrote: {error}") from error
    here = [(proof, entry) for proof, entry in stored if entry["data"] == data.sha256]
    if not here:
        names = ", ".join(sorted({str(entry["data_name"]) for _, entry in stored})) or "nothing"
        raise DataError(f"{path} holds trainings on {names}, none on this {data.name}; give --data")
    for proof, entry in here:
        for name, sha256 in beginnings(proof.recipe, data).items():
            if entry[name] != sha256:
                raise DataError(f"{path}: {proof.label}: other {name.replace('_', ' ')} than here")
    return [proof for proof, _ in here]


def _proof(entry: dict[str, Any]) -> Proof:
    weights = [str(sha256) for sha256 in entry["weights"]]
    recipe = Recipe(
        parse_sizes(entry["network"]),
        int(entry["batch"]),
        float(entry["lr"]),
        int(entry["seed"]),
        len(weights),
    )
    return Proof(recipe, weights)
