"""The trainings that certificates hold, as the page's scripts read them: a row for each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.report import growth
from bench.report.cases import Case
from bench.report.digits import plain
from bench.report.explore import as_json
from mnist_core.numerics.trajectory import ENVELOPE_FACTOR

SETTING = ("batch", "network", "precision", "threads", "seed", "run_id")
"""What a certificate holds of the columns by which a setting is chosen."""

Step = dict[str, Any]


def steps(certificates: Iterable[Mapping[str, Any]], cases: Iterable[Case]) -> list[Step]:
    """Loss and distance from the truth after each step, of each certificate."""
    roles = {case["backend"]: case["role"] for case in cases}
    return [
        {
            "backend": plain(certificate.get("backend")),
            "line": line(certificate),
            "role": roles.get(plain(certificate.get("backend")), "own"),
            **{name: plain(certificate.get(name)) for name in SETTING},
            "step": number,
            **step._asdict(),
            "allowed": ENVELOPE_FACTOR * step.envelope,
        }
        for certificate in certificates
        for number, step in enumerate(growth.growth_of(certificate), 1)
    ]


def columns(steps: Sequence[Step]) -> dict[str, list[Any]]:
    """The steps column by column; what is no number is null."""
    return {name: [as_json(step[name]) for step in steps] for name in (steps[0] if steps else ())}


def line(certificate: Mapping[str, Any]) -> str:
    """Name of a line."""
    threads = plain(certificate.get("threads"))
    return plain(certificate.get("backend")) + (f", threads {threads}" if threads else "")
