"""One case while it is timed, and what its samples come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench import statistics
from bench.standing import Standing
from bench.suite import Case
from bench.worker import WorkerDiedError, WorkerError

BASELINE = "numpy"


@dataclass
class TimedCase:
    """One case while it is timed: by backend, what was made ready, its samples, what broke."""

    case: Case
    ready: dict[str, dict[str, Any]] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, int | None] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def catching(self, standing: Standing) -> Iterator[None]:
        """Let a failure cost this case alone, or all that follow if the process is gone."""
        try:
            yield
        except WorkerError as error:
            name = standing.backend.name
            self.broken[name] = f"{self.case.label}: {error}"
            self.ready.pop(name, None)
            self.samples.pop(name, None)
            if isinstance(error, WorkerDiedError):
                standing.fail("failed", self.broken[name])

    def add(self, name: str, answer: dict[str, Any]) -> None:
        """Keep one round: the median of its blocks, which a stall of the machine leaves alone."""
        self.samples.setdefault(name, []).append(median(answer["seconds"]))
        self.memory[name] = answer["peak_memory_bytes"]

    def measured(self, standing: Standing) -> dict[str, Any]:
        """Columns that come from a backend's samples."""
        name = standing.backend.name
        ready, summary = self.ready[name], statistics.summarize(self.samples[name])
        columns: dict[str, Any] = {
            "kernel": ready["kernel"],
            "rounds": len(self.samples[name]),
            "iterations": ready["iterations"],
            "median_s": summary.median,
            "q1_s": summary.q1,
            "q3_s": summary.q3,
            "ci_low_s": summary.low,
            "ci_high_s": summary.high,
            "host_s": summary.median,
            "compile_s": standing.compile_times.get(self.case),
            "images_per_s": ready["images"] / summary.median,
            "flops": ready["flops"],
            "flops_executed": ready["flops"],
            "gflops": ready["flops"] / summary.median / 1e9,
            "peak_memory_bytes": self.memory[name],
        }
        if ready["bytes"] is not None:
            columns["bytes"] = ready["bytes"]
            columns["gbytes_per_s"] = ready["bytes"] / summary.median / 1e9
        if BASELINE in self.samples:
            ratio = statistics.speedup(self.samples[BASELINE], self.samples[name])
            columns |= {
                "baseline": BASELINE,
                "speedup": ratio.value,
                "speedup_ci_low": ratio.low,
                "speedup_ci_high": ratio.high,
            }
        return columns
