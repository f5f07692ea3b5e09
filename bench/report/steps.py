"""The trainings that certificates hold, as the page's scripts read them: a row for each step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.report import growth
from bench.report.cases import Case, timed
from bench.report.digits import plain
from bench.report.explore import as_json
from mnist_core.numerics.trajectory import ENVELOPE_FACTOR

SETTING = ("batch", "network", "precision", "threads", "seed", "run_id")
"""What a certificate holds of the columns by which a setting is chosen."""

MOST = 20_000
"""Steps on a page."""

TrainingStep = dict[str, Any]


def steps(certificates: Iterable[Mapping[str, Any]], cases: Sequence[Case]) -> list[TrainingStep]:
    """Loss before each step and distance from the truth after it, of each certificate.

    Of those that were measured in a setting in which something was timed: what nobody can choose
    would be drawn across the others. Certificates beyond `MOST` steps are left out.
    """
    known = {tuple(plain(case.get(name)) for name in SETTING) for case in timed(cases)}
    roles = {case["backend"]: case["role"] for case in cases}
    found: list[TrainingStep] = []
    for certificate in certificates:
        held = {name: plain(certificate.get(name)) for name in SETTING}
        if any(agree(held.values(), setting) for setting in known):
            of = list(grown(certificate, held, roles))
            if len(found) + len(of) <= MOST:
                found += of
    return found


def agree(held: Iterable[str], setting: Iterable[str]) -> bool:
    """Whether a certificate is of a setting, as far as it says."""
    return all(of in ("", value) for of, value in zip(held, setting, strict=True))


def grown(
    certificate: Mapping[str, Any], held: Mapping[str, str], roles: Mapping[str, str]
) -> Iterator[TrainingStep]:
    """The steps of one certificate."""
    backend = plain(certificate.get("backend"))
    for number, step in enumerate(growth.growth_of(certificate), 1):
        yield {
            "backend": backend,
            "line": growth.name(certificate),
            "role": roles.get(backend, "own"),
            **held,
            "step": number,
            **step._asdict(),
            "allowed": ENVELOPE_FACTOR * step.envelope,
        }


def columns(steps: Sequence[TrainingStep]) -> dict[str, list[Any]]:
    """The steps column by column; what is no number is null."""
    return {name: [as_json(step[name]) for step in steps] for name in (steps[0] if steps else ())}
