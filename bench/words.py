"""The last word on each backend: whether its rows stand, and by which certificates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.columns import MEASURED

Pair = tuple[str, int]
"""A network's name and a batch: what a certificate is about."""

ENDED_EARLY = "verified before timing only: the run ended early"


@dataclass
class Word:
    """How one backend stands: ok, refused, unavailable or failed, and its certificates."""

    status: str = "ok"
    reason: str = ""
    certificates: dict[Pair, dict[str, Any]] = field(default_factory=dict)
    verified_again: set[Pair] = field(default_factory=set)

    def fail(self, status: str, reason: str) -> None:
        """Nothing of this backend stands any more."""
        self.status, self.reason = status, reason

    def verified(self, certificate: dict[str, Any], again: bool) -> None:
        """Take in a certificate: the one before timing, or the one after."""
        pair = certificate["network"], certificate["batch"]
        if again and certificate["passed"]:
            self.verified_again.add(pair)
            return
        self.certificates[pair] = certificate
        if not again:
            # A new process: what befell one before it, in a run that was gone on with, is over.
            self.status, self.reason = "ok", ""
            self.verified_again.discard(pair)
        if not certificate["passed"]:
            self.fail("refused", ("after timing: " if again else "") + certificate["reason"])


class Words:
    """The words on all backends of a run, as they come: from the run, or from what it left."""

    def __init__(self, baseline: str = "numpy") -> None:
        self._baseline = baseline
        self._on: dict[str, Word] = {}

    def on(self, backend: str) -> Word:
        """The word on one backend; ok until something else is heard."""
        return self._on.setdefault(backend, Word())

    def hear(self, entry: Mapping[str, Any]) -> None:
        """Take in a line of what was said: a certificate, or a failure."""
        word = self.on(entry["backend"])
        if "certificate" in entry:
            word.verified(entry["certificate"], entry["again"])
        else:
            word.fail(entry["status"], entry["reason"])

    @property
    def all(self) -> Iterable[Word]:
        """The words on all backends."""
        return self._on.values()

    @property
    def certificates(self) -> list[dict[str, Any]]:
        """The certificate of every backend, network and batch."""
        return [c for word in self.all for c in word.certificates.values()]

    def applied(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with the last word on its backend: refused ones lose their times."""
        word = self.on(row["backend"])
        if word.status != "ok":
            # Also where its process died after the case: nobody can verify that again.
            row = {k: v for k, v in row.items() if k not in MEASURED}
            return {"reason": word.reason} | row | {"status": word.status}
        pair = row["network"], row["batch"]
        if "median_s" not in row or pair not in word.certificates:
            return {"status": "failed"} | {k: v for k, v in row.items() if k not in MEASURED}
        if self.on(self._baseline).status != "ok":
            row = {k: v for k, v in row.items() if not k.startswith(("baseline", "speedup"))}
        signed = {"status": "ok", "certificate": word.certificates[pair]["claim"]}
        if pair not in word.verified_again:
            signed["reason"] = ENDED_EARLY
        return row | signed
