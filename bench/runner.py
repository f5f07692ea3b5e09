"""A run: verify every backend, time them in turn, verify again, write what was found."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol

from bench.columns import identity
from bench.noise import Floors
from bench.peaks import Peaks, better
from bench.plan import Plan
from bench.rows import Rows
from bench.run_folder import RunFolder
from bench.standing import Side, Standing, named
from bench.timed_case import TimedCase
from bench.words import Words
from bench.worker import WorkerDiedError, WorkerError
from mnist_core.backends import Backend
from mnist_core.precision import precision

_RECHECK_SEED = 1_000_003


class Progress(Protocol):
    """What a run tells about how far it is."""

    def begin(self, total: int) -> None:
        """Announce how many units of work there are."""

    def at(self, what: str) -> None:
        """Say what is being done now."""

    def advance(self, units: int = 1) -> None:
        """Count units of work as done."""


class Run:
    """The state of one run; `go` does it all, `finish` writes what there is by then.

    A folder that holds rows and samples is that of a run that was broken off: it is gone on with.
    """

    def __init__(
        self, plan: Plan, folder: RunFolder, environment: dict[str, Any], progress: Progress
    ) -> None:
        self.plan = plan
        self.folder = folder
        self.environment = environment
        self.progress = progress
        self.words = Words()
        sides: list[Side | None] = [*plan.sides] or [None]
        self.standings = [
            Standing(backend, self.words.on(named(backend.name, side)), side)
            for backend in plan.backends
            for side in sides
        ]
        self._random = random.Random(plan.seed)
        self._rows = Rows(plan, folder, environment, Floors.load(environment))
        self._peaks: dict[str, Peaks] = environment.setdefault("peaks", {})
        self._timed = {case: TimedCase(case) for case in plan.cases}
        for timed in self._timed.values():
            timed.recall(s for s in folder.samples if identity(s)[1:] == timed.case.identity)
            for row in folder.rows:
                if row.get("status") == "failed" and identity(row)[1:] == timed.case.identity:
                    timed.drop(row["backend"], row["reason"])

    @property
    def failed(self) -> bool:
        """Whether a backend was refused or broke."""
        bad = ("failed", "refused")
        return any(row.get("status") in bad for row in self.folder.rows) or any(
            word.status in bad for word in self.words.all
        )

    def go(self) -> None:
        """Verify, time, verify again. All is kept as it comes, so an interrupt loses none."""
        self.begin()
        self._verify_all(again=False)
        self.time()
        self._verify_all(again=True)

    def begin(self) -> None:
        """Write down what is about to be done, start every backend, compile, measure peaks."""
        plan = self.plan
        usable = sum(s.backend.unavailable() is None for s in self.standings)
        units = plan.effort.passes * len(plan.cases)
        self.progress.begin(usable * (1 + 2 * len(self._pairs())) + units)
        self.environment["plan"] = {**plan.as_dict(), "run_id": self.folder.run_id}
        self.folder.begin(self.environment)
        self._open()
        for standing in list(self._running()):
            self._compile(standing)
        self._measure_peaks()

    def time(self) -> None:
        """All passes over all cases."""
        for number in range(1, self.plan.effort.passes + 1):
            for case in self.plan.cases:
                self.progress.at(f"timing {case.label}")
                if self._timed[case].passes < number:
                    self._time(self._timed[case])
                self.progress.advance()

    def _verify_all(self, again: bool) -> None:
        for standing in list(self._running()):
            for pair in self._pairs():
                self._verify(standing, pair, again)

    @property
    def timed(self) -> Iterable[TimedCase]:
        """Every case with its samples."""
        return self._timed.values()

    def close(self) -> None:
        """End all workers."""
        for standing in self.standings:
            standing.close()

    def finish(self) -> Any:
        """Write the files; the rows as a data frame."""
        self._judge()
        return self.folder.finish(self.words.certificates, self.environment)

    def write(self) -> Any:
        """Write what there is, and leave what the run could go on by; the rows as a data frame."""
        self._judge()
        table = self.folder.write(self.words.certificates, self.environment)
        self.folder.release()
        return table

    def _judge(self) -> None:
        """Give the rows, in the plan's order, the last word on their backends."""
        of = {identity(row): row for row in self.folder.rows}
        wanted = [(s.name, *c.identity) for c in self.plan.cases for s in self.standings]
        self.folder.rows = [self.words.applied(of[key]) for key in wanted if key in of]

    def _pairs(self) -> list[tuple[tuple[int, ...], int]]:
        return list(dict.fromkeys((case.network, case.batch) for case in self.plan.cases))

    def _running(self) -> Iterable[Standing]:
        return (standing for standing in self.standings if standing.runs)

    def _hear(self, standing: Standing, **entry: Any) -> None:
        """Take in a certificate or a failure and write it down; end the process that is refused."""
        word = {"backend": standing.name, **entry}
        self.folder.add_word(word)
        self.words.hear(word)
        if standing.word.status != "ok":
            standing.close()

    def _open(self) -> None:
        for standing in self.standings:
            reason = standing.backend.unavailable()
            if reason:
                self._hear(standing, status="unavailable", reason=reason)
                continue
            self.progress.at(f"starting {standing.name}")
            try:
                standing.open(self._job(standing.backend))
            except WorkerError as error:
                self._hear(standing, status="failed", reason=str(error))
            self.progress.advance()

    def _compile(self, standing: Standing) -> None:
        """Call every case once before anything else does: what that takes is its ``compile_s``.

        Operators come before the levels that are composed of them. What raises here is left to
        verification, which says what is wrong.
        """
        self.progress.at(f"compiling {standing.name}")
        for case in reversed([case for case in self.plan.cases if standing.takes(case)]):
            try:
                standing.compile_times[case] = standing.ask("compile", case=case.as_dict())
            except WorkerDiedError as error:
                self._hear(standing, status="failed", reason=f"{case.label}: {error}")
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

    def _verify(self, standing: Standing, pair: tuple[tuple[int, ...], int], again: bool) -> None:
        if standing.worker is None:
            return
        network, batch = pair
        label = "-".join(map(str, network))
        self.progress.at(f"verifying {standing.name}, {label}, batch {batch}")
        recipe = {"precision": self.plan.precision, "lr": self.plan.lr}
        seed = self.plan.seed + _RECHECK_SEED * again
        try:
            certificate = standing.ask("verify", network=network, batch=batch, seed=seed, **recipe)
        except WorkerError as error:
            self._hear(standing, status="failed", reason=str(error))
            return
        self.progress.advance()
        certificate |= {"backend": standing.name, "threads": self.plan.threads}
        self._hear(standing, certificate=certificate, again=again)

    def _measure_peaks(self) -> None:
        """Peaks of every device in the run, by one backend on it; the higher of two.

        One that has Numba comes closest to the processor's own.
        """
        self.progress.at("measuring peaks")
        running = sorted(self._running(), key=lambda s: "numba" in s.backend.packages)
        for standing in {s.device: s for s in running}.values():
            device = str(standing.device)
            try:
                found: Peaks = standing.ask("peaks")
            except WorkerError:
                continue  # a row then has no percentage of its peak
            self._peaks[device] = better(found, self._peaks.get(device, found))

    def _time(self, timed: TimedCase) -> None:
        """One pass of one case on all backends, then its rows."""
        case, number = timed.case, timed.rounds
        request = {"case": case.as_dict(), "round_s": self.plan.effort.round_s}
        able = [s for s in self._running() if s.takes(case) and s.name not in timed.broken]
        for standing in able:
            with self._catching(timed, standing):
                blocks = timed.ready.get(standing.name, {}).get("blocks")
                timed.ready[standing.name] = standing.ask("prepare", **request, blocks=blocks)
        started, first = monotonic(), number
        while timed.ready and not self._enough(timed, number - first, monotonic() - started):
            number += 1
            self._round(timed, number)
        limits = self._limits(timed)
        timed.passes += 1
        takes = [standing for standing in self.standings if standing.takes(case)]
        self.folder.add_rows([self._rows.row(s, timed, limits.get(s.name)) for s in takes])

    def _limits(self, timed: TimedCase) -> dict[str, Peaks]:
        """By backend the peaks of its device, measured anew where a time seems impossible."""
        known = {s.name: str(s.device) for s in self._running() if str(s.device) in self._peaks}
        if any(timed.impossible(name, self._peaks[device]) for name, device in known.items()):
            self._measure_peaks()
        return {name: self._peaks[device] for name, device in known.items()}

    def _enough(self, timed: TimedCase, rounds: int, elapsed: float) -> bool:
        effort = self.plan.effort
        if rounds < effort.min_rounds:
            return False
        if rounds >= effort.max_rounds or elapsed >= effort.max_s:
            return True
        return timed.relative_error(self._pairs_of_sides()) <= effort.error

    def _pairs_of_sides(self) -> list[tuple[str, str]]:
        """Names of each backend on both sides, where there are two to compare."""
        if not self.plan.sides:
            return []
        first, second = self.plan.sides
        return [(named(b.name, first), named(b.name, second)) for b in self.plan.backends]

    def _round(self, timed: TimedCase, number: int) -> None:
        """One sample of each backend, in random order, one worker active at a time."""
        standings = [s for s in self._running() if s.name in timed.ready]
        self._random.shuffle(standings)
        taken: list[dict[str, Any]] = []
        for order, standing in enumerate(standings):
            with self._catching(timed, standing):
                answer = standing.ask("sample")
                timed.add(standing.name, number, answer["blocks"], answer["peak_memory_bytes"])
                taken += self._rows.samples(timed, standing, number, order, answer["blocks"])
        self.folder.add_samples(taken)

    @contextmanager
    def _catching(self, timed: TimedCase, standing: Standing) -> Iterator[None]:
        """Let a failure cost this case alone, or all that follow if the process is gone."""
        try:
            yield
        except WorkerError as error:
            reason = f"{timed.case.label}: {error}"
            timed.drop(standing.name, reason)
            if isinstance(error, WorkerDiedError):
                self._hear(standing, status="failed", reason=reason)
