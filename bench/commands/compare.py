"""``mnist-bench compare``."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bench import console, files, results, sides
from bench.commands.run import make_plan, measure
from bench.compare import UNKNOWN_FLOOR, Change, compare, counts, threshold
from bench.report import digits
from bench.repository import commit_of
from bench.run_folder import RunFolder
from bench.sides import Measured
from mnist_core.errors import DataError

_FAILING = {
    "slower": {"slower", "refused", "failed"},
    "ambiguous": {"slower", "refused", "failed", "ambiguous"},
    "never": set(),
}

_SETTINGS = Path("pyproject.toml")


def compare_command(
    before: str,
    after: str,
    fail_on: str,
    format: str,
    allow_different: bool,
    out: str | None,
    given: Sequence[str],
    **options: Any,
) -> int:
    """Verdicts between two sides. Returns the exit code: 1 if something failed."""
    own = _own_thresholds()
    names = {name: _kind(name) for name in (before, after)}
    kinds = set(names.values())
    if kinds == {"commit"}:
        first, second = _measured_in_turn(before, after, out, options)
    elif len(kinds) > 1:
        listed = " and ".join(f"{name} is a {kind}" for name, kind in names.items())
        raise DataError(f"compare: {listed}; give two of a kind")
    else:
        if given:
            raise DataError(f"compare: {given[0]} is about measuring commits; leave it out")
        load = {"result folder": sides.of_folder, "file of ASV's results": sides.of_asv}[
            kinds.pop()
        ]
        first, second = load(Path(before)), load(Path(after))
    different = sides.differing(first, second)
    if different and not allow_different:
        raise DataError(
            f"compare: no fair match, they differ in {'; '.join(different)}. "
            "--allow-different compares them all the same"
        )
    in_turn = "commit" in names.values()
    found = _compared(first, second, own, in_turn)
    if all(change.verdict == "incomparable" for change in found):
        reasons = list(dict.fromkeys(change.reason for change in found)) or ["no case in both"]
        raise DataError(f"compare: nothing to compare: {'; '.join(reasons[:3])}")
    _show(format, first, second, found, different, in_turn)
    return 1 if any(change.verdict in _FAILING[fail_on] for change in found) else 0


def _kind(name: str) -> str:
    path = Path(name)
    if path.exists() and results.is_result_set(path):
        return "result folder"
    if sides.is_asv_file(path):
        return "file of ASV's results"
    if name == "." or commit_of(name):
        return "commit"
    raise DataError(
        f"compare: {name} is neither a folder that `run --out` wrote nor a file of ASV's results "
        "nor a commit; `git log --oneline` lists commits, and . is the working tree"
    )


def _measured_in_turn(
    before: str, after: str, out: str | None, options: dict[str, Any]
) -> tuple[Measured, Measured]:
    """Both commits, measured in the same rounds."""
    with sides.checked_out(before, after) as pair:
        plan, environment = make_plan(**options, sides=pair)
        folder = RunFolder.create(files.folder(out))
        for line in console.head(environment):
            console.stderr().print(line, markup=False)
        _, _, interrupted = measure(plan, folder, environment)
        if interrupted:
            raise KeyboardInterrupt
        return sides.of_run(folder.path, *pair)


def _own_thresholds() -> dict[str, float]:
    """Thresholds by pattern that the pyproject.toml of this folder sets, if there is one."""
    if not _SETTINGS.is_file():
        return {}
    try:
        settings = tomllib.loads(_SETTINGS.read_text(encoding="utf-8"))
        own = settings.get("tool", {}).get("mnist-bench", {}).get("thresholds", {})
        checked = {str(pattern): float(value) for pattern, value in own.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{_SETTINGS}: [tool.mnist-bench.thresholds]: {error}") from error
    for pattern, value in checked.items():
        if not 0 < value < 1:
            raise DataError(
                f'{_SETTINGS}: [tool.mnist-bench.thresholds] "{pattern}" = {value:g}: '
                "give a relative difference between 0 and 1, such as 0.05"
            )
    return checked


def _compared(
    first: Measured, second: Measured, own: Mapping[str, float], in_turn: bool
) -> list[Change]:
    floors = {}
    for name in first.cases.keys() & second.cases.keys():
        known = [side.floors[name] for side in (first, second) if name in side.floors]
        worst = max((f.in_turn if in_turn else f.apart for f in known), default=None)
        floors[name] = threshold(name, worst, in_turn, own)
    return compare(first.cases, second.cases, floors, in_turn)


def _notes(first: Measured, second: Measured, different: Sequence[str], in_turn: bool) -> list[str]:
    """What a reader of the verdicts must know beside them."""
    notes = [f"they differ in {line}" for line in different]
    for side, other in ((first, second), (second, first)):
        alone = [" ".join(name) for name in side.cases if name not in other.cases]
        if alone:
            notes.append(f"only in {side.title}: {'; '.join(alone)}")
    if not first.floors and not second.floors:
        notes.append(
            f"the noise of this machine was not measured: differences of up to "
            f"{UNKNOWN_FLOOR[in_turn]:.0%} count as none; `mnist-bench doctor --noise` measures it"
        )
    return notes


def _show(
    format: str,
    first: Measured,
    second: Measured,
    found: list[Change],
    different: Sequence[str],
    in_turn: bool,
) -> None:
    notes = _notes(first, second, different, in_turn)
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts(found).items())
    output = console.stdout()
    if format == "json":
        value = {
            "before": first.title,
            "after": second.title,
            "in_turn": in_turn,
            "counts": counts(found),
            "notes": notes,
            "changes": [change.as_dict() for change in found],
        }
        click.echo(json.dumps(value, indent=1, ensure_ascii=False))
        return
    head = (
        "backend",
        "case",
        first.title,
        second.title,
        "times as long [95 %]",
        "floor",
        "verdict",
    )
    rows = [_cells(change) for change in found]
    if format == "markdown":
        lines = [f"**{summary}**", "", _markdown(head), _markdown(["---"] * len(head))]
        lines += [_markdown(row) for row in rows] + [""] + [f"- {note}" for note in notes]
        click.echo("\n".join(lines).rstrip())
        return
    output.print(console.plain_table(head, rows, red={"slower", "refused", "failed"}))
    output.print(f"\n{summary}", markup=False)
    for note in notes:
        output.print(f"note      {note}", markup=False, soft_wrap=True)


def _cells(change: Change) -> list[str]:
    ratio = change.ratio
    times = [
        "" if t is None else digits.seconds(t, t, t) for t in (change.before_s, change.after_s)
    ]
    shown = "" if ratio is None else digits.measured(ratio.value, ratio.low, ratio.high)
    verdict = f"{change.verdict}: {change.reason}" if change.reason else change.verdict
    return [change.backend, change.case, *times, shown, f"±{change.floor:.1%}", verdict]


def _markdown(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
