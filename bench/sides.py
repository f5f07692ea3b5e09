"""The two sides of a comparison: result folders, ASV's results, or commits to be measured."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

from bench import results
from bench.columns import case_label, identity
from bench.compare import Change, Name, Timed, compare, threshold
from bench.files import load_json
from bench.noise import Floor, Floors
from bench.repository import ROOT, commit_of, git, working_tree
from bench.standing import Side, named
from mnist_core.errors import DataError

_T = TypeVar("_T")

_HARNESS = "bench"
_MEASURED = ("mnist_core", "kernels")
_CONDITIONS = ("machine", "threads", "data", "precision")


@dataclass
class Measured:
    """What one side measured: cases by name, the conditions it did so in, and known noise."""

    title: str
    cases: dict[Name, Timed]
    conditions: dict[str, str]
    floors: dict[Name, Floor] = field(default_factory=dict)


def case_name(row: Mapping[str, Any]) -> Name:
    """Backend and case of a row, as people read them."""
    backend, *case = identity(row)
    return backend, case_label(*case)


def of_folder(path: Path) -> Measured:
    """A result folder, finished or not; `DataError` if it cannot be read."""
    try:
        return _of_folder(path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not a result set that can be compared: {error}") from error


def _of_folder(path: Path) -> Measured:
    table, samples = results.load(path), results.load_samples(path)
    environment = load_json(path, "environment.json")
    key = ["backend", "level", "operator", "network", "batch", "cache", "round"]
    blocks: dict[tuple[Any, ...], dict[int, list[float]]] = {}
    for entry, seconds in samples.groupby(key).seconds:
        *of, number = cast(tuple[Any, ...], entry)
        blocks.setdefault(tuple(of), {})[int(number)] = seconds.tolist()
    cases, floors, known = {}, {}, Floors(environment.get("noise", []))
    for row in cast(list[dict[str, Any]], table.to_dict("records")):
        if row["status"] == "unavailable":
            continue
        found = blocks.get(identity(row), {}) if row["status"] == "ok" else {}
        cases[case_name(row)] = Timed(found, status=row["status"], reason=row["reason"])
        floor = known.of_row(row)
        if floor is not None:
            floors[case_name(row)] = floor
    conditions = {name: ", ".join(map(str, table[name].unique())) for name in _CONDITIONS}
    return Measured(str(path), cases, conditions, floors)


def of_asv(path: Path) -> Measured:
    """A file of ASV's results: every benchmark that was timed, by its parameters."""
    try:
        from asv.results import Results
    except ImportError:
        raise DataError(f"{path}: reading ASV's results needs ASV: pip install asv") from None
    try:
        found = Results.load(str(path))
        cases = {name: timed for name, timed in _asv_cases(found) if timed is not None}
        machine = f"{found.params.get('cpu')}, {found.params.get('num_cpu')} cores"
    except Exception as error:  # ASV's own complaint about a file, of whatever kind
        raise DataError(f"{path}: not a file of ASV's results: {error}") from error
    conditions = {"machine": machine, "threads": str(found.env_vars or "")}
    return Measured(str(path), cases, conditions)


def _asv_cases(found: Any) -> Iterator[tuple[Name, Timed | None]]:
    from itertools import product

    for benchmark in sorted(found.get_all_result_keys()):
        if ".time_" not in benchmark:
            continue
        parameters = found.get_result_params(benchmark)
        values = found.get_result_value(benchmark, parameters)
        stats = found.get_result_stats(benchmark, parameters)
        samples = found.get_result_samples(benchmark, parameters)
        for place, combination in enumerate(product(*parameters)):
            words = [str(p).strip("'") for p in combination]
            name = (words[0] if words else "", " ".join([benchmark.split(".")[-1], *words[1:]]))
            yield name, _asv_timed(values[place], stats[place], samples[place])


def _asv_timed(value: float | None, stats: Any, samples: Any) -> Timed | None:
    if value is None or value != value:
        return None if value is not None else Timed({}, status="failed", reason="failed in ASV")
    rounds = {i: [seconds] for i, seconds in enumerate(samples or [])}
    low, high = (stats or {}).get("ci_99_a") or value, (stats or {}).get("ci_99_b") or value
    return Timed(rounds, (value, low, high))


def is_asv_file(path: Path) -> bool:
    """Whether a file is one of ASV's results."""
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False
    return isinstance(found, dict) and "result_columns" in found


@contextmanager
def checked_out(before: str, after: str) -> Iterator[tuple[Side, Side]]:
    """Both versions of the source side by side, to be measured by the harness as it is now.

    A version is a commit, or "." for the working tree as it stands.
    """
    with TemporaryDirectory(prefix="mnist-bench-") as temporary:
        made: list[Path] = []
        try:
            sides = []
            for place, name in enumerate((before, after)):
                source = ROOT
                if name != ".":
                    source = Path(temporary) / f"commit{place}"
                    git("worktree", "add", "--quiet", "--detach", str(source), name)
                    made.append(source)
                sides.append(_side(name, source, Path(temporary) / f"side{place}"))
            first, second = sides
            if first.label == second.label:
                second = replace(second, label=f"{second.label}-again")
            yield first, second
        finally:
            for source in made:
                with suppress(DataError):
                    git("worktree", "remove", "--force", str(source))


def _side(name: str, source: Path, tree: Path) -> Side:
    """A tree in which this harness meets the network and kernels of ``source``."""
    tree.mkdir()
    (tree / _HARNESS).symlink_to(ROOT / _HARNESS)
    for package in _MEASURED:
        if not (source / package).is_dir():
            raise DataError(
                f"compare: {name} has no folder {package}; it is too old to be measured"
            )
        (tree / package).symlink_to(source / package)
    if name == ".":
        return Side("tree", tree, *working_tree())
    commit = str(commit_of(name))
    return Side(commit[:7], tree, commit, False)


def of_run(path: Path, first: Side, second: Side) -> tuple[Measured, Measured]:
    """The two sides of a run that measured both in turn."""
    both = of_folder(path)
    halves = (
        Measured(
            side.label, _of_side(both.cases, side), both.conditions, _of_side(both.floors, side)
        )
        for side in (first, second)
    )
    return next(halves), next(halves)


def _of_side(found: Mapping[Name, _T], side: Side) -> dict[Name, _T]:
    """What is of one side, by the backends' own names."""
    return {
        (backend, case): value
        for (name, case), value in found.items()
        for backend in [name.removesuffix(f"@{side.label}")]
        if name == named(backend, side)
    }


def differing(first: Measured, second: Measured) -> list[str]:
    """What makes two sides no fair match, a line each."""
    shared = first.conditions.keys() & second.conditions.keys()
    return [
        f"{name}: {first.conditions[name]} and {second.conditions[name]}"
        for name in sorted(shared)
        if first.conditions[name] != second.conditions[name]
    ]


def compared(
    first: Measured, second: Measured, own: Mapping[str, float], in_turn: bool
) -> list[Change]:
    """Verdicts on the cases of both sides, beyond one's own thresholds or the measured noise."""
    floors = {}
    for name in first.cases.keys() & second.cases.keys():
        known = [side.floors[name] for side in (first, second) if name in side.floors]
        worst = max((f.in_turn if in_turn else f.apart for f in known), default=None)
        floors[name] = threshold(name, worst, in_turn, own)
    return compare(first.cases, second.cases, floors, in_turn)
