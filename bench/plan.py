"""What a run is to do, in a form that can be written down and read again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from bench.standing import Side
from bench.suite import Case
from mnist_core import registry
from mnist_core.backends import Backend
from mnist_core.errors import DataError


@dataclass(frozen=True)
class Effort:
    """How long to go on: each case is timed in several passes over all cases.

    A pass of a case ends when the median is sure enough, or at the caps: ``round_s`` is how long a
    backend is timed in one round, ``error`` the relative error aimed at, and ``max_s`` the time
    after which it ends at the next round beyond the least.
    """

    passes: int
    min_rounds: int
    max_rounds: int
    round_s: float
    error: float
    max_s: float


QUICK = Effort(passes=3, min_rounds=2, max_rounds=2, round_s=0.01, error=0.03, max_s=1)
FULL = Effort(passes=3, min_rounds=4, max_rounds=10, round_s=0.02, error=0.01, max_s=2)
COMPARING = Effort(passes=3, min_rounds=4, max_rounds=20, round_s=0.02, error=0.01, max_s=4)


@dataclass(frozen=True)
class Plan:
    """What a run is to do. With ``sides``, every backend is timed in each version of the source."""

    backends: list[Backend]
    cases: list[Case]
    precision: str
    threads: int
    data: str
    lr: float
    seed: int
    effort: Effort
    plugins: Sequence[str] = ()
    kernels: dict[str, str] = field(default_factory=dict)
    sides: Sequence[Side] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **vars(self),
            "backends": [backend.name for backend in self.backends],
            "cases": [case.as_dict() for case in self.cases],
            "effort": asdict(self.effort),
            "plugins": list(self.plugins),
            "sides": [{**asdict(side), "tree": str(side.tree)} for side in self.sides],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Plan":
        """Inverse of `as_dict`; the plug-ins are loaded, so that their backends are known."""
        try:
            registry.load_plugins(values["plugins"])
            known = {field.name: values[field.name] for field in fields(cls)}
            return cls(
                **{
                    **known,
                    "backends": [registry.backend(name) for name in known["backends"]],
                    "cases": [Case.from_dict(case) for case in known["cases"]],
                    "effort": Effort(**known["effort"]),
                    "sides": [Side(**{**s, "tree": Path(s["tree"])}) for s in known["sides"]],
                }
            )
        except (KeyError, TypeError) as error:
            raise DataError(f"not a plan of this version: {error}") from error
