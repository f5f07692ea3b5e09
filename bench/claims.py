"""What `verify` shows: every backend by every claim."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.proof import Proof

if TYPE_CHECKING:
    from rich.table import Table

_CLAIMS = {
    "deterministic": "deterministic",
    "operators": "operator",
    "gradients": "gradient",
    "trajectory": "trajectory",
    "exact": "exact",
}
"""Claims as a person reads them, and the kind of check that each rests on."""


@dataclass
class Row:
    """One backend on so many threads: its certificates, or why it has none."""

    backend: str
    threads: int | None
    status: str = "ok"
    reason: str = ""
    certificates: list[dict[str, Any]] = field(default_factory=list)

    def end(self, status: str, reason: str) -> None:
        """Note what went wrong first."""
        if self.status == "ok":
            self.status, self.reason = status, reason


def claims_table(rows: Sequence[Row], proof: Proof, kinds: Sequence[str]) -> "Table":
    """Table of one training, backend by claim: error over NumPy's own, or the weights' hash."""
    from rich.table import Table
    from rich.text import Text

    exact_alone = list(kinds) == ["exact"]
    claims = ["exact"] if exact_alone else list(_CLAIMS)
    if "exact" not in kinds:
        claims.remove("exact")
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("backend", "threads", *claims, *([] if exact_alone else ["worst element"])):
        grid.add_column(column, overflow="fold")
    for row in (row for row in rows if row.status != "unavailable"):
        name = [row.backend, str(row.threads or "")]
        found = [c for c in row.certificates if proof.certified_by(c) and c["precision"] in kinds]
        if not found:
            grid.add_row(*name, row.status)
            continue
        checks = [check for c in found for check in c["checks"]]
        cells = [_claim(claim, checks, found) for claim in claims]
        style = "red" if any(not c["passed"] for c in found) else ""
        worst = [] if exact_alone else [_worst(checks)]
        grid.add_row(*(Text(cell, style=style) for cell in (*name, *cells, *worst)))
    return grid


def _claim(claim: str, checks: Sequence[Any], certificates: Sequence[Any]) -> str:
    """What is shown of a claim: how far from NumPy's own error, or that it was refused."""
    of = [check for check in checks if check["kind"] == _CLAIMS[claim]]
    if not of:
        return "not reached"
    if not all(check["passed"] for check in of):
        return "refused"
    if claim == "exact":
        [exact] = [c for c in certificates if c["precision"] == "exact"]
        return str(exact["claim"].removeprefix("exact:")) or "not reached"
    ratios = [c["error_ratio"] for c in of if c["error_ratio"] is not None]
    return f"{max(ratios):.1f}x" if ratios else "yes"


def _worst(checks: Sequence[Any]) -> str:
    """The operator's element with the largest error over NumPy's own."""
    named = [c for c in checks if c["worst"] and c["error_ratio"] is not None]
    if not named:
        return ""
    worst = max(named, key=lambda check: float(check["error_ratio"]))
    return f"{worst['error_ratio']:.1f}x: {worst['worst']}"
