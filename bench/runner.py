"""A run: verify every backend, time them in turn, verify again, write what was found."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from bench import results, statistics
from bench.results import RunFolder
from bench.standing import Standing
from bench.suite import Case
from bench.timed_case import BASELINE, TimedCase
from bench.worker import Worker, WorkerDiedError, WorkerError
from mnist_core.backends import Backend
from mnist_core.precision import precision

_RECHECK_SEED = 1_000_003


@dataclass(frozen=True)
class Effort:
    """How long to go on with one case: it ends when the median is sure enough, or at the caps.

    ``round_s`` is how long a backend is timed in one round, ``error`` the relative error aimed at,
    and ``max_s`` the time after which a case ends at the next round beyond the least.
    """

    min_rounds: int
    max_rounds: int
    round_s: float
    error: float
    max_s: float


QUICK = Effort(min_rounds=5, max_rounds=7, round_s=0.01, error=0.03, max_s=2)
FULL = Effort(min_rounds=11, max_rounds=31, round_s=0.02, error=0.01, max_s=5)


@dataclass(frozen=True)
class Plan:
    """What a run is to do."""

    backends: list[Backend]
    cases: list[Case]
    precision: str
    threads: int
    data: str
    lr: float
    seed: int
    effort: Effort
    plugins: list[str]
    kernels: dict[str, str]


class Progress(Protocol):
    """What a run tells about how far it is."""

    def begin(self, total: int) -> None:
        """Announce how many units of work there are."""

    def at(self, what: str) -> None:
        """Say what is being done now."""

    def advance(self, units: int = 1) -> None:
        """Count units of work as done."""


class Run:
    """The state of one run; `go` does it all, `finish` writes what there is by then."""

    def __init__(
        self, plan: Plan, folder: RunFolder, environment: dict[str, Any], progress: Progress
    ) -> None:
        self.plan = plan
        self.folder = folder
        self.environment = environment
        self.progress = progress
        self.standings = [Standing(backend) for backend in plan.backends]
        self._random = random.Random(plan.seed)

    @property
    def failed(self) -> bool:
        """Whether a backend was refused or broke."""
        broken = any(row.get("status") == "failed" for row in self.folder.rows)
        return broken or any(s.status in ("refused", "failed") for s in self.standings)

    def go(self) -> None:
        """Verify, time, verify again. Rows are kept as they come, so an interrupt loses none."""
        plan, pairs = self.plan, self._pairs()
        usable = sum(s.backend.unavailable() is None for s in self.standings)
        self.progress.begin(usable * (1 + 2 * len(pairs)) + len(plan.cases))
        self._open()
        for standing in list(self._running()):
            self._compile(standing)
            for pair in pairs:
                self._verify(standing, pair, plan.seed)
        for case in plan.cases:
            self.progress.at(f"timing {case.label}")
            self._time(case)
            self.progress.advance()
        for standing in self._running():
            for pair in pairs:
                self._verify(standing, pair, plan.seed + _RECHECK_SEED)

    def close(self) -> None:
        """End all workers."""
        for standing in self.standings:
            standing.close()

    def finish(self) -> Any:
        """Write the files; the rows as a data frame."""
        certificates = [c for s in self.standings for c in s.certificates.values()]
        self.folder.rows = [self._final(row) for row in self.folder.rows]
        return self.folder.finish(certificates, self.environment)

    def _pairs(self) -> list[tuple[tuple[int, ...], int]]:
        return list(dict.fromkeys((case.network, case.batch) for case in self.plan.cases))

    def _running(self) -> Iterable[Standing]:
        return (standing for standing in self.standings if standing.runs)

    def _open(self) -> None:
        for standing in self.standings:
            backend = standing.backend
            reason = backend.unavailable()
            if reason:
                standing.fail("unavailable", reason)
                continue
            self.progress.at(f"starting {backend.name}")
            try:
                standing.worker = Worker(self._job(backend))
                standing.versions = standing.worker.info["versions"]
                standing.device = standing.worker.info["device"]
                standing.computes = standing.worker.info["computes"]
            except WorkerError as error:
                standing.fail("failed", str(error))
            self.progress.advance()

    def _compile(self, standing: Standing) -> None:
        """Call every case once before anything else does: what that takes is its ``compile_s``.

        Operators come before the levels that are composed of them. What raises here is left to
        verification, which says what is wrong.
        """
        self.progress.at(f"compiling {standing.backend.name}")
        for case in reversed([case for case in self.plan.cases if standing.takes(case)]):
            try:
                standing.compile_times[case] = standing.ask("compile", case=case.as_dict())
            except WorkerDiedError as error:
                standing.fail("failed", f"{case.label}: {error}")
                return
            except WorkerError:
                continue

    def _job(self, backend: Backend) -> dict[str, Any]:
        plan = self.plan
        return {
            "backend": backend.name,
            "plugins": plan.plugins,
            "kernels": backend.computing_in(precision(plan.precision)).having(plan.kernels),
            "data": plan.data,
            "precision": plan.precision,
            "threads": plan.threads,
            "lr": plan.lr,
            "seed": plan.seed,
        }

    def _verify(self, standing: Standing, pair: tuple[tuple[int, ...], int], seed: int) -> None:
        if standing.worker is None:
            return
        network, batch = pair
        label = "-".join(map(str, network))
        self.progress.at(f"verifying {standing.backend.name}, {label}, batch {batch}")
        try:
            certificate = standing.worker.ask(
                "verify",
                network=network,
                batch=batch,
                precision=self.plan.precision,
                lr=self.plan.lr,
                seed=seed,
            )
        except WorkerError as error:
            standing.fail("failed", str(error))
            return
        self.progress.advance()
        certificate["threads"] = self.plan.threads
        again = seed != self.plan.seed
        if again and certificate["passed"]:
            standing.verified_again.add((label, batch))
            return
        standing.certificates[label, batch] = certificate
        if not certificate["passed"]:
            standing.fail("refused", ("after timing: " if again else "") + certificate["reason"])

    def _time(self, case: Case) -> None:
        """All rounds of one case on all backends, then its rows."""
        timed = TimedCase(case)
        for standing in [s for s in self._running() if s.takes(case)]:
            with timed.catching(standing):
                timed.ready[standing.backend.name] = standing.ask(
                    "prepare", case=case.as_dict(), round_s=self.plan.effort.round_s
                )
        started, rounds = monotonic(), 0
        while timed.ready and not self._enough(timed, rounds, monotonic() - started):
            rounds += 1
            self._round(timed, rounds)
        for standing in self.standings:
            if standing.takes(case):
                self.folder.add_row(self._row(standing, timed))

    def _enough(self, timed: TimedCase, rounds: int, elapsed: float) -> bool:
        effort = self.plan.effort
        if rounds < effort.min_rounds:
            return False
        if rounds >= effort.max_rounds or elapsed >= effort.max_s:
            return True
        errors = (statistics.summarize(s).relative_error for s in timed.samples.values())
        return max(errors, default=0.0) <= effort.error

    def _round(self, timed: TimedCase, number: int) -> None:
        """One sample of each backend, in random order, one worker active at a time."""
        standings = [s for s in self._running() if s.backend.name in timed.ready]
        self._random.shuffle(standings)
        taken: list[dict[str, Any]] = []
        for order, standing in enumerate(standings):
            with timed.catching(standing):
                answer = standing.ask("sample")
                timed.add(standing.backend.name, answer)
                taken += self._samples(timed, standing.backend.name, number, order, answer)
        self.folder.add_samples(taken)

    def _samples(
        self, timed: TimedCase, name: str, number: int, order: int, answer: dict[str, Any]
    ) -> list[dict[str, Any]]:
        case = timed.case
        common = {
            "run_id": self.folder.run_id,
            "backend": name,
            "level": case.level,
            "operator": case.operator or "",
            "network": case.network_name,
            "batch": case.batch,
            "round": number,
            "order": order,
            "iterations": timed.ready[name]["iterations"],
            "timestamp": results.now(),
        }
        blocks = enumerate(answer["seconds"])
        return [{**common, "block": block, "seconds": seconds} for block, seconds in blocks]

    def _row(self, standing: Standing, timed: TimedCase) -> dict[str, Any]:
        case, environment = timed.case, self.environment
        name = standing.backend.name
        row: dict[str, Any] = {
            "schema": results.SCHEMA,
            "run_id": self.folder.run_id,
            "timestamp": results.now(),
            "commit": environment["commit"],
            "dirty": environment["dirty"],
            "machine": f"{environment['machine']['cpu']}, {environment['machine']['cores']} cores",
            "device": standing.device,
            "backend": name,
            "backend_version": standing.versions,
            "role": standing.backend.role,
            "level": case.level,
            "operator": case.operator,
            "network": case.network_name,
            "batch": case.batch,
            "precision": self.plan.precision,
            "threads": self.plan.threads,
            "data": environment["data"]["name"],
            "seed": self.plan.seed,
            "cache": "hot" if case.level == "operator" else None,
        }
        if name in timed.broken:
            return row | {"status": "failed", "reason": timed.broken[name]}
        if name in timed.samples:
            return (
                row | timed.measured(standing) | {"error_ratio": self._error_ratio(standing, case)}
            )
        return row

    @staticmethod
    def _error_ratio(standing: Standing, case: Case) -> float | None:
        certificate = standing.certificates[case.network_name, case.batch]
        if case.operator is None:
            ratio: float | None = certificate["error_ratio"]
            return ratio
        checks = [c for c in certificate["checks"] if c["name"] == case.operator]
        return checks[0]["error_ratio"] if checks else None

    def _baseline_stands(self) -> bool:
        return all(s.status == "ok" for s in self.standings if s.backend.name == BASELINE)

    def _final(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with its backend's last word: refused rows lose their times."""
        standing = next(s for s in self.standings if s.backend.name == row["backend"])
        if standing.status != "ok":
            # Also where its process died after the case: nobody can verify that again.
            row = {k: v for k, v in row.items() if k not in _MEASURED}
            return {"reason": standing.reason} | row | {"status": standing.status}
        if "median_s" not in row:
            return {"status": "failed"} | row
        if not self._baseline_stands():
            row = {k: v for k, v in row.items() if not k.startswith(("baseline", "speedup"))}
        claim = standing.certificates[row["network"], row["batch"]]["claim"]
        signed = {"status": "ok", "certificate": claim}
        if (row["network"], row["batch"]) not in standing.verified_again:
            signed["reason"] = "verified before timing only: the run ended early"
        return row | signed


_MEASURED = frozenset(results.COLUMNS[results.COLUMNS.index("rounds") :])
