"""How one backend stands in the course of a run."""

from dataclasses import dataclass, field
from typing import Any

from bench.suite import Case
from bench.worker import Worker
from mnist_core.backends import Backend


@dataclass
class Standing:
    """What is known of one backend on the way."""

    backend: Backend
    worker: Worker | None = None
    status: str = "ok"
    reason: str = ""
    versions: str | None = None
    device: str | None = None
    computes: list[str] | None = None
    compile_times: dict[Case, float] = field(default_factory=dict)
    certificates: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    verified_again: set[tuple[str, int]] = field(default_factory=set)

    @property
    def runs(self) -> bool:
        return self.worker is not None

    def takes(self, case: Case) -> bool:
        """Whether the case is one to time on this backend; all are until its process says."""
        return self.computes is None or case.what in self.computes

    def ask(self, request: str, **arguments: Any) -> Any:
        assert self.worker is not None
        return self.worker.ask(request, **arguments)

    def fail(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason
        self.close()

    def close(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.worker = None
