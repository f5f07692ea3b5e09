"""What each run on a page was measured on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.digits import plain
from bench.report.headline import Note, notes

_FOR_MACHINES = ("plan", "noise")
"""Entries of the environment that are long lists nobody reads."""


@dataclass(frozen=True)
class Surroundings:
    """What a run was measured on, why some had no times in it, and the id of its place."""

    id: str
    title: str
    environment: Mapping[str, Any]
    notes: Sequence[Note]


def newest_first(
    certificates: Iterable[Mapping[str, Any]], called: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """Certificates of the runs that are called something, and those that name no run."""
    age = {run_id: i for i, run_id in enumerate(called)} | {"": len(called)}
    known = [one for one in certificates if plain(one.get("run_id")) in age]
    return sorted(known, key=lambda one: age[plain(one.get("run_id"))])


def surroundings(
    called: Mapping[str, str],
    environments: Mapping[str, Mapping[str, Any]],
    cases: Sequence[Mapping[str, Any]],
) -> dict[str, Surroundings]:
    """What each run was measured on, by the run's id, in the order that they are called in."""
    known = {plain(run_id): environment for run_id, environment in environments.items()}
    if len(known) == 1 and len(called) < 2:  # the run's, by whatever id, or of one without rows
        known = dict.fromkeys(called or known, *known.values())
    of: dict[str, list[Any]] = {}
    for case in cases:
        of.setdefault(plain(case["run_id"]), []).append(case)
    return {
        run_id: Surroundings(
            f"environment-{i}",
            called.get(run_id, ""),
            {k: v for k, v in known.get(run_id, {}).items() if k not in _FOR_MACHINES},
            notes(of.get(run_id, [])),
        )
        for i, run_id in enumerate(called or known)
    }
