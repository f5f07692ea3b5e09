"""One case while it is timed, and what its samples come to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench import peaks, statistics
from bench.peaks import Peaks
from bench.standing import Standing
from bench.statistics import Rounds
from bench.suite import Case

BASELINE = "numpy"


@dataclass
class TimedCase:
    """One case while it is timed: by backend, what was made ready, its blocks, what broke.

    ``blocks`` has the seconds of each block of each round, ``device`` those of the device's clock.
    """

    case: Case
    passes: int = 0
    recalled: bool = False
    ready: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    device: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    memory: dict[str, int | None] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """Number of rounds so far."""
        return max((max(of) for of in self.blocks.values()), default=0)

    def samples(self, name: str) -> dict[int, float]:
        """A figure for each round: the median of its blocks, which a stall leaves alone."""
        return _medians(self.blocks.get(name, {}))

    def recall(self, samples: Iterable[dict[str, Any]]) -> None:
        """Take in the samples of an earlier run that was broken off."""
        blocks: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for sample in samples:
            self.recalled = True
            blocks.setdefault((sample["backend"], sample["round"]), []).append(sample)
            self.passes = max(self.passes, sample["pass"])
        for (name, number), taken in blocks.items():
            self.add(name, number, taken, None)

    def add(self, name: str, number: int, blocks: list[dict[str, Any]], memory: int | None) -> None:
        """Keep one round of one backend."""
        self.blocks.setdefault(name, {})[number] = [b["seconds"] for b in blocks]
        if blocks[0]["device_s"] is not None:
            self.device.setdefault(name, {})[number] = [b["device_s"] for b in blocks]
        if memory is not None:
            self.memory[name] = max(memory, self.memory.get(name) or 0)

    def drop(self, name: str, reason: str) -> None:
        """A backend that failed at this case is out of it."""
        self.broken[name] = reason
        self.ready.pop(name, None)
        self.blocks.pop(name, None)

    def relative_error(self, pairs: Iterable[tuple[str, str]] = ()) -> float:
        """The largest, of the ratios of pairs to be compared, or else of the backends' medians."""
        known = [(a, b) for a, b in pairs if {a, b} <= self.blocks.keys()]
        ratios = (statistics.evidence(self.blocks[a], self.blocks[b], True).ratio for a, b in known)
        if known:
            return max((r.high - r.low) / 2 / r.value for r in ratios)
        errors = (
            statistics.summarize([*self.samples(name).values()]).relative_error
            for name in self.blocks
        )
        return max(errors, default=0.0)

    def impossible(self, name: str, limits: Peaks) -> str | None:
        """Why a backend cannot have been as fast as its samples say, or None."""
        if name not in self.blocks or name not in self.ready:
            return None
        ready, seconds = self.ready[name], median(self.samples(name).values())
        return peaks.impossible(ready["flops_executed"], ready["bytes"], seconds, limits)

    def measured(self, standing: Standing, limits: Peaks | None) -> dict[str, Any]:
        """Columns that come from a backend's samples."""
        name = standing.name
        ready, of = self.ready[name], self.samples(name)
        summary = statistics.summarize([*of.values()])
        columns: dict[str, Any] = {
            "kernel": ready["kernel"],
            "rounds": len(of),
            "iterations": ready["blocks"]["iterations"],
            "median_s": summary.median,
            "q1_s": summary.q1,
            "q3_s": summary.q3,
            "ci_low_s": summary.low,
            "ci_high_s": summary.high,
            "host_s": summary.median,
            "compile_s": standing.compile_times.get(self.case),
            "images_per_s": ready["images"] / summary.median,
            "flops": ready["flops"],
            "flops_executed": ready["flops_executed"],
            "gflops": ready["flops"] / summary.median / 1e9,
            "peak_memory_bytes": self.memory.get(name),
        }
        if name in self.device:
            columns["device_s"] = median(_medians(self.device[name]).values())
        if limits is not None:
            columns["pct_peak"] = peaks.pct_peak(ready["flops_executed"], summary.median, limits)
        if ready["bytes"] is not None:
            columns["bytes"] = ready["bytes"]
            columns["gbytes_per_s"] = ready["bytes"] / summary.median / 1e9
        return columns | self._speedup(of)

    def _speedup(self, of: dict[int, float]) -> dict[str, Any]:
        """How many times as fast as the baseline, from the rounds that both were timed in."""
        baseline = self.samples(BASELINE)
        shared = sorted(baseline.keys() & of.keys())
        if not shared:
            return {}
        ratio = statistics.speedup([baseline[i] for i in shared], [of[i] for i in shared])
        return {
            "baseline": BASELINE,
            "speedup": ratio.value,
            "speedup_ci_low": ratio.low,
            "speedup_ci_high": ratio.high,
        }


def _medians(rounds: Rounds) -> dict[int, float]:
    return {number: median(blocks) for number, blocks in rounds.items()}
