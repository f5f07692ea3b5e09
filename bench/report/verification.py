"""What was proved, backend by backend, from the certificates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import cases
from bench.report.digits import number, places, plain

KINDS = ("operator", "gradient", "trajectory", "deterministic", "exact")
HASHES = ("data", "initial_weights", "order", "weights")


@dataclass(frozen=True)
class Check:
    """One check of a certificate."""

    name: str
    kind: str
    passed: bool
    error: float | None
    error_ratio: str
    detail: str


@dataclass(frozen=True)
class Certificate:
    """One certificate; `counts` holds for each kind how many checks passed, of how many."""

    backend: str
    setting: str
    claim: str
    passed: bool
    reason: str
    error: float | None
    error_ratio: str
    counts: list[tuple[int, int]]
    checks: list[Check]
    hashes: list[str]


@dataclass(frozen=True)
class Verification:
    """All certificates, with the kinds of check and the hashes that they hold.

    ``settings`` is whether they differ in their settings.
    """

    kinds: list[str]
    hashes: list[str]
    settings: bool
    certificates: list[Certificate]


def verification(
    certificates: Sequence[Mapping[str, Any]], called: Mapping[str, str]
) -> Verification:
    """Make the tables of certificates; keys that are missing leave their cells empty.

    ``called`` is what each run is called by its id.
    """
    runs = [called.get(plain(entry.get("run_id")), "") for entry in certificates]
    names = cases.settings(
        [{**entry, "run": run} for entry, run in zip(certificates, runs, strict=True)]
    )
    kinds = known_first(KINDS, (plain(c.get("kind")) for e in certificates for c in checks(e)))
    hashes = known_first(HASHES, (name for entry in certificates for name in held(entry)))
    found = [
        certificate(entry, setting, kinds, hashes)
        for entry, setting in zip(certificates, names, strict=True)
    ]
    return Verification(kinds, hashes, any(names), found)


def certificate(
    entry: Mapping[str, Any], setting: str, kinds: list[str], hashes: list[str]
) -> Certificate:
    """Make one certificate."""
    every = [check(item) for item in checks(entry)]
    return Certificate(
        backend=plain(entry.get("backend")),
        setting=setting,
        claim=plain(entry.get("claim")),
        passed=bool(entry.get("passed")),
        reason=plain(entry.get("reason")),
        error=finite(entry.get("error_ratio")),
        error_ratio=ratio(entry.get("error_ratio")),
        counts=[
            (sum(c.passed for c in every if c.kind == kind), sum(c.kind == kind for c in every))
            for kind in kinds
        ],
        checks=every,
        hashes=[plain(held(entry).get(name)) for name in hashes],
    )


def check(item: Mapping[str, Any]) -> Check:
    """Make one check."""
    return Check(
        name=plain(item.get("name")),
        kind=plain(item.get("kind")),
        passed=bool(item.get("passed")),
        error=finite(item.get("error_ratio")),
        error_ratio=ratio(item.get("error_ratio")),
        detail=plain(item.get("detail")),
    )


def checks(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Checks of a certificate."""
    return list(entry.get("checks") or [])


def held(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hashes of a certificate."""
    return entry.get("hashes") or {}


def finite(value: Any) -> float | None:
    """A number, if it is one."""
    found = cases.real(value)
    return found if math.isfinite(found) else None


def ratio(value: Any) -> str:
    """Error in units of NumPy's own, to two digits; NaN and infinity are shown as they are."""
    if value is None:
        return ""
    value = float(value)
    if value in (float("inf"), float("-inf")) or value != value:
        return str(value)
    return f"{value:.1e}" if abs(value) >= 1e5 else number(value, places(value, 0, value / 5))


def known_first(known: Sequence[str], names: Iterable[str]) -> list[str]:
    """Names that occur, those that are known first and in their order."""
    found = list(dict.fromkeys(names))
    return [n for n in known if n in found] + [n for n in found if n not in known]
