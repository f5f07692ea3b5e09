"""How one backend stands in the course of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.suite import Case
from bench.words import Word
from bench.worker import Worker
from mnist_core.backends import Backend


@dataclass(frozen=True)
class Side:
    """A version of the suite's source to time: where it lies and which commit it is."""

    label: str
    tree: Path
    commit: str
    dirty: bool = False


@dataclass
class Standing:
    """What is known of one backend on the way; of a commit's where there are two to compare."""

    backend: Backend
    word: Word
    side: Side | None = None
    worker: Worker | None = None
    versions: str | None = None
    device: str | None = None
    computes: list[str] | None = None
    compile_times: dict[Case, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The backend's name in results."""
        return named(self.backend.name, self.side)

    @property
    def runs(self) -> bool:
        return self.worker is not None

    def takes(self, case: Case) -> bool:
        """Whether the case is one to time on this backend; all are until its process says."""
        return self.computes is None or case.kind in self.computes

    def open(self, job: dict[str, Any]) -> None:
        """Start its process; `WorkerError` if that fails."""
        self.worker = Worker(job, tree=None if self.side is None else self.side.tree)
        self.versions = self.worker.info["versions"]
        self.device = self.worker.info["device"]
        self.computes = self.worker.info["computes"]

    def ask(self, request: str, **arguments: Any) -> Any:
        assert self.worker is not None
        return self.worker.ask(request, **arguments)

    def close(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.worker = None


def named(backend: str, side: Side | None) -> str:
    """A backend's name in results: with its side, where a run has two."""
    return backend if side is None else f"{backend}@{side.label}"
