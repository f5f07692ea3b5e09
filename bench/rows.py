"""The row of results.csv that one backend gets for one case."""

from typing import Any

from bench import columns, files
from bench.noise import Floors
from bench.peaks import Peaks
from bench.plan import Plan
from bench.run_folder import RESUMED, RunFolder
from bench.standing import Standing
from bench.suite import Case
from bench.timed_case import TimedCase


class Rows:
    """Makes the rows of a run: what they share, and what each backend's samples come to."""

    def __init__(
        self, plan: Plan, folder: RunFolder, environment: dict[str, Any], floors: Floors
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._environment = environment
        self._floors = floors

    def row(self, standing: Standing, timed: TimedCase, limits: Peaks | None) -> dict[str, Any]:
        """The row of a backend, without its last word; ``pass`` says how far the case has come."""
        row = self._common(standing, timed.case) | {"pass": timed.passes}
        if standing.name in timed.broken:
            return row | {"status": "failed", "reason": timed.broken[standing.name]}
        if standing.name not in timed.ready or standing.name not in timed.blocks:
            return row
        reason = timed.impossible(standing.name, limits) if limits else None
        if reason:
            return row | {"status": "refused", "reason": reason}
        note = RESUMED if timed.recalled else timed.ready[standing.name]["note"]
        if note:
            row["reason"] = note
        return row | timed.measured(standing, limits) | self._known(standing, timed.case)

    def samples(
        self,
        timed: TimedCase,
        standing: Standing,
        number: int,
        order: int,
        blocks: list[dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """One line for each block of a round; ``order`` is the backend's place in it."""
        case = timed.case
        common = {
            "run_id": self._folder.run_id,
            "backend": standing.name,
            **dict(zip(columns.CASE, case.identity, strict=True)),
            "pass": timed.passes + 1,
            "round": number,
            "order": order,
            "iterations": timed.ready[standing.name]["blocks"]["iterations"],
            "timestamp": files.now(),
        }
        return [{**common, "block": i, **block} for i, block in enumerate(blocks)]

    def _common(self, standing: Standing, case: Case) -> dict[str, Any]:
        environment, side = self._environment, standing.side
        return {
            "schema": columns.SCHEMA,
            "run_id": self._folder.run_id,
            "timestamp": files.now(),
            "commit": environment["commit"] if side is None else side.commit,
            "dirty": environment["dirty"] if side is None else side.dirty,
            "machine": f"{environment['machine']['cpu']}, {environment['machine']['cores']} cores",
            "device": standing.device,
            "backend": standing.name,
            "backend_version": standing.versions,
            "role": standing.backend.role,
            "level": case.level,
            "operator": case.operator,
            "network": case.network_name,
            "batch": case.batch,
            "precision": self._plan.precision,
            "threads": self._plan.threads,
            "data": environment["data"]["name"],
            "seed": self._plan.seed,
            "cache": case.cache,
        }

    def _known(self, standing: Standing, case: Case) -> dict[str, Any]:
        """What is known of the case from elsewhere: its noise and its error."""
        pair = case.network_name, case.batch
        certificate = standing.word.certificates.get(pair, {"checks": []})
        operator = case.what.split()[0]
        checks = [c for c in certificate["checks"] if c["name"] == operator]
        of = certificate if case.operator in (None, "fused") else next(iter(checks), {})
        plan = self._plan
        floor = self._floors.of(standing.backend.name, case, plan.threads, plan.precision)
        return {
            "error_ratio": of.get("error_ratio"),
            "noise_floor": None if floor is None else floor.in_turn,
        }
