"""``mnist-bench compare``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bench import console, files, results, sides
from bench.commands.run import make_plan, measure
from bench.compare import UNKNOWN_FLOOR, Change, counts, own_thresholds
from bench.report import markdown, verdicts
from bench.repository import commit_of
from bench.run_folder import RunFolder
from bench.sides import Measured
from mnist_core.errors import DataError

_FAILING = {
    "slower": {"slower", "refused", "failed"},
    "ambiguous": {"slower", "refused", "failed", "ambiguous"},
    "never": set(),
}


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
    own = own_thresholds()
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
    found = sides.compared(first, second, own, in_turn)
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
    head = verdicts.head(first.title, second.title)
    rows = [verdicts.cells(change) for change in found]
    if format == "markdown":
        lines = [f"**{summary}**", "", *markdown.table(head, rows), ""]
        lines += [f"- {markdown.text(note)}" for note in notes]
        click.echo("\n".join(lines).rstrip())
        return
    output.print(console.plain_table(head, rows, red={"slower", "refused", "failed"}))
    output.print(f"\n{summary}", markup=False)
    for note in notes:
        output.print(f"note      {note}", markup=False, soft_wrap=True)
