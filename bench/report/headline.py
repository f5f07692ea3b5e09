"""The sentence on top of the page, written from the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import cases
from bench.report.cases import Case
from bench.report.digits import measured, plain, seconds, size
from bench.run_folder import RESUMED
from bench.statistics import FEWEST
from bench.words import ENDED_EARLY

VERBS = {
    "epoch": "trains",
    "step": "trains",
    "forward": "runs the forward pass",
    "backward": "runs the backward pass",
}
NOT_TIMED = {"refused": "was refused", "unavailable": "was unavailable", "failed": "failed"}
PROPER = {"numpy": "NumPy"}


@dataclass(frozen=True)
class Note:
    """Why some backends have no time: a line under the sentence."""

    status: str
    backends: str
    what: str
    reason: str


def name(backend: str) -> str:
    """Write a backend's name within a sentence: shortened, and unable to turn its direction."""
    text = PROPER.get(backend, backend if len(backend) <= 40 else backend[:39] + "…")
    return text if text.isascii() else f"\u2068{text}\u2069"


def headline(rows: list[Case], runs: int = 1) -> str:
    """Say in one sentence who is fastest, by how much, and whether all trained alike.

    Parameters
    ----------
    rows
        Cases as `cases.tidy` returns them, of one run.
    runs
        How many runs are shown, of which this is the newest.
    """
    if not rows:
        return "Nothing was measured: there are no rows."
    cell = main_cell(rows)
    if not cell:
        return "Nothing was timed."
    here = "On this machine" if runs == 1 else f"In the newest of {runs} runs"
    return f"{here} {comparison(cell)}; {agreement(cell)}."


def main_cell(rows: list[Case]) -> list[Case]:
    """Fastest row of each backend where most backends compare; of those, the slowest task."""
    found = [part for _, part in cases.groups(cases.top_level(rows), "setting", "what")]
    best = [list({case["backend"]: case for case in reversed(part)}.values()) for part in found]
    cell = max(best, key=lambda part: (len(part), part[0]["median_s"]), default=[])
    return sorted(cell, key=lambda case: float(case["median_s"]))


def comparison(cell: list[Case]) -> str:
    """First half of the sentence: the fastest backend against the baseline."""
    first = cell[0]
    verb = VERBS.get(first["level"], f"computes {first['what']}")
    where = f" at batch {plain(first['batch'])}" if plain(first["batch"]) else ""
    compared = [c for c in cell if c["backend"] != c["baseline"] and c["speedup"] > 0]
    if not compared:
        return alone(first, verb, where, len(cell))
    best = max(compared, key=lambda case: float(case["speedup"]))
    low, high = best["speedup_ci_low"], best["speedup_ci_high"]
    ratio = measured(best["speedup"], low, high, "×")
    text = f"{who(best)} {verb} {ratio} as fast as {name(best['baseline'])}{where}"
    if low <= 1 <= high:
        return f"{text}, which is no clear difference"
    if best["speedup"] < 1:
        return f"{name(best['baseline'])} is the fastest: {text}"
    return text


def alone(case: Case, verb: str, where: str, count: int) -> str:
    """First half of the sentence where there is nothing to compare with."""
    images, low, high = case["images_per_s"], case["images_low"], case["images_high"]
    speed = f"on {measured(images, low, high, ' images/s')}"
    if math.isnan(images):
        speed = f"in {seconds(case['median_s'], case['ci_low_s'], case['ci_high_s'])}"
    if count == 1:
        return f"{who(case)} {verb} {speed}{where}"
    return f"{who(case)} is the fastest of {count} backends: it {verb} {speed}{where}"


def who(case: Case) -> str:
    """Backend's name, marked if it is a peer."""
    return name(case["backend"]) + (" (peer)" if case["role"] == "peer" else "")


def agreement(cell: list[Case]) -> str:
    """Second half of the sentence: what the certificates show."""
    missing = [name(case["backend"]) for case in cell if not case["certificate"]]
    count = len(cell)
    if missing:
        verb = "has" if len(missing) == 1 else "have"
        return f"{listed(missing)} {verb} no certificate of the same training"
    if count == 1:
        return "no other backend was timed"
    everyone = "both backends" if count == 2 else f"all {count} backends"
    hashes = {case["certificate"] for case in cell}
    bits = len(hashes) == 1 and hashes.pop().startswith("exact:")
    return f"{everyone} computed the same training" + (", bit for bit" if bits else "")


def listed(names: Sequence[str]) -> str:
    """Join names: a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def caveats(rows: list[Case]) -> list[str]:
    """What is to be known of times before anybody relies on them."""
    timed, found = cases.timed(rows), []
    for caveat in (RESUMED, ENDED_EARLY):
        of = dict.fromkeys(name(case["backend"]) for case in timed if case["reason"] == caveat)
        found += [f"{listed(list(of))}: {caveat}"] if of else []
    few = sum(0 < cases.real(case.get("rounds")) < FEWEST for case in timed)
    if few:
        found.append(
            f"{few} of {len(timed)} times are of fewer than {FEWEST} rounds: what stands for their "
            "interval is their range, which is less than 95 % sure"
        )
    return found


def notes(rows: list[Case]) -> list[Note]:
    """Name every backend that has no time somewhere, once, with the first reason."""
    first: dict[tuple[str, str], str] = {}
    for case in rows:
        if case["status"] != "ok":
            reason = case["reason"] or "no reason was recorded"
            first.setdefault((case["backend"], case["status"]), reason)
    alike: dict[tuple[str, str], list[str]] = {}
    for (backend, status), reason in sorted(first.items()):
        alike.setdefault((status, reason), []).append(name(backend))
    return [
        Note(status, listed(names), said(status, len(names)), reason)
        for (status, reason), names in alike.items()
    ]


def said(status: str, count: int) -> str:
    """What is said of so many backends."""
    words = NOT_TIMED.get(status, status)
    return words.replace("was ", "were ") if count > 1 else words


def machine_line(environment: Mapping[str, Any]) -> str:
    """Describe the machine in one line, as far as it is known."""
    machine = environment.get("machine")
    if not isinstance(machine, Mapping):
        return plain(machine)
    packages = environment.get("packages")
    numpy = packages.get("numpy") if isinstance(packages, Mapping) else None
    memory = machine.get("memory_bytes")
    known = [
        (plain(machine.get("cpu")), "{}"),
        (plain(machine.get("cores")), "{} core" if machine.get("cores") == 1 else "{} cores"),
        (size(memory) if isinstance(memory, int | float) else "", "{}"),
        (plain(machine.get("gpu")), "{}"),
        (plain(environment.get("threads")), "threads {}"),
        (plain(machine.get("load")), "load {}"),
        (plain(environment.get("python")), "Python {}"),
        (plain(numpy), "NumPy {}"),
    ]
    return " · ".join(form.format(text) for text, form in known if text)


def data_line(rows: list[Case], environment: Mapping[str, Any]) -> str:
    """Describe data and network in one line, as far as they are known."""
    data = environment.get("data")
    parts = [plain(data)] if not isinstance(data, Mapping) else [plain(data.get("name"))]
    zeros = data.get("zeros") if isinstance(data, Mapping) else None
    if isinstance(zeros, int | float):
        parts.append(f"{zeros:.0%} zeros")
    if not parts[0]:
        parts[0] = ", ".join(distinct(rows, "data"))
    for column, form in (("network", "network {}"), ("batch", "batch {}"), ("precision", "{}")):
        found = distinct(rows, column)
        parts += [form.format(", ".join(found))] if found else []
    return " · ".join(filter(None, parts))


def distinct(rows: list[Case], column: str) -> list[str]:
    """Values of a column, each once, in natural order."""
    return sorted({plain(case[column]) for case in rows} - {""}, key=cases.natural)
