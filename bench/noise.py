"""The noise floor: how far apart a case comes out from itself on this machine."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.columns import CASE, identity
from bench.files import load_json, writable, write_json
from bench.suite import Case
from mnist_core.data.cache import cache_folder
from mnist_core.errors import DataError

Key = tuple[Any, ...]

_CONDITIONS = ("threads", "precision")


@dataclass(frozen=True)
class Floor:
    """Relative differences that mean nothing, of one case on one machine.

    ``in_turn`` where both sides were timed in the same rounds, ``apart`` where each has a run of
    its own; ``draws`` is how many times the case was timed against itself.
    """

    in_turn: float
    apart: float
    draws: int


class Floors:
    """Noise floors by backend, case and threads."""

    def __init__(self, entries: Iterable[dict[str, Any]] = ()) -> None:
        self.entries = list(entries)
        self._of = {_key(e): Floor(e["in_turn"], e["apart"], e["draws"]) for e in self.entries}

    def of(self, backend: str, case: Case, threads: int, precision: str) -> Floor | None:
        """The floor of a case, if it was measured."""
        return self._of.get((backend, *case.identity, threads, precision))

    def of_row(self, row: Mapping[str, Any]) -> Floor | None:
        """The floor of a row of results; the sides of a comparison have that of the backend."""
        backend, *case = identity(row)
        name = backend.partition("@")[0]
        return self._of.get((name, *case, int(row["threads"]), row["precision"]))

    @classmethod
    def load(cls, environment: dict[str, Any]) -> "Floors":
        """Those that an environment carries, or else this machine's, which it then carries."""
        if "noise" not in environment:
            environment["noise"] = stored(environment["machine"]).entries
        return cls(environment["noise"])


def entry(backend: str, case: Case, threads: int, precision: str, floor: Floor) -> dict[str, Any]:
    """A floor as it is stored, with what it is the floor of."""
    return {
        "backend": backend,
        **dict(zip(CASE, case.identity, strict=True)),
        "threads": threads,
        "precision": precision,
        **asdict(floor),
    }


def _key(entry: dict[str, Any]) -> Key:
    return (*identity(entry), *(entry[name] for name in _CONDITIONS))


def store_path(machine: dict[str, Any]) -> Path:
    """File that holds the floors of a machine."""
    words = [machine["cpu"], f"{machine['cores']} cores", *machine.get("gpus", [])]
    name = "-".join(" ".join(words).lower().split())
    safe = "".join(c if c.isalnum() or c == "-" else "_" for c in name)
    return cache_folder() / "noise" / f"{safe}.json"


def stored(machine: dict[str, Any]) -> Floors:
    """This machine's floors as measured before; none if they never were or cannot be read."""
    path = store_path(machine)
    try:
        return Floors(load_json(path.parent, path.name))
    except (DataError, KeyError, TypeError):
        return Floors()


def store(machine: dict[str, Any], fresh: Floors) -> Path:
    """Keep floors with the machine; those of the same cases are replaced. The file."""
    path = store_path(machine)
    writable(path.parent)
    kept = {_key(e): e for e in [*stored(machine).entries, *fresh.entries]}
    write_json(path, list(kept.values()))
    return path
