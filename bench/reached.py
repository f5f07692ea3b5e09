"""What the presets' recipes really reach: kept figures, measured by ``scripts/reach-presets``."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import get_type_hints

from bench.files import write_csv
from mnist_core.presets import PRESETS, Preset
from mnist_core.schedules import CONSTANT

FILE = Path(__file__).with_name("reached.csv")


@dataclass(frozen=True)
class Reached:
    """The end of one training: ``options`` are those beside the preset, accuracies in [0, 1]."""

    preset: str
    options: str
    backend: str
    data: str
    epochs: int
    training_accuracy: float
    test_accuracy: float
    seconds: float
    weights_sha256: str


def read() -> list[Reached]:
    """All that was measured, the presets' own recipes first."""
    with FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    types = get_type_hints(Reached)
    return [Reached(**{name: types[name](text) for name, text in row.items()}) for row in rows]


def write(found: list[Reached]) -> None:
    """Take the place of what was measured before."""
    write_csv(FILE, map(asdict, found), [field.name for field in fields(Reached)])


HEAD = ("preset", "network", "batch", "learning rate", "epochs", "claimed", "reached here")


def table() -> list[list[str]]:
    """A row a preset and, below it, one for each variation of it that was measured."""
    measured = read()
    rows = []
    for preset in PRESETS.values():
        of = {found.options: found for found in measured if found.preset == preset.name}
        rows.append([*_cells(preset), _accuracy(of.pop("", None))])
        for options, found in of.items():
            rows.append([f"  {options}", *[""] * (len(HEAD) - 2), _accuracy(found)])
    return rows


def _cells(preset: Preset) -> list[str]:
    schedule = "" if preset.schedule == CONSTANT else f", {preset.schedule}"
    return [
        preset.name,
        "-".join(map(str, preset.network)),
        str(preset.batch or "all images"),
        f"{preset.lr:g}{schedule}",
        f"{preset.epochs:,}",
        preset.claim,
    ]


def _accuracy(found: Reached | None) -> str:
    if found is None:
        return "not measured"
    return f"{found.test_accuracy:.2%} in {found.seconds:.3g} s"


def markdown() -> str:
    """The table as docs/training.md shows it."""
    rows = [[f"`{name.strip()}`", *cells] for name, *cells in table()]
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(markdown())
