"""The outcome of one check."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from math import isfinite
from typing import Any, NamedTuple

from mnist_core.errors import MnistBenchError, described


class Growth(NamedTuple):
    """A step of training beside the truth.

    ``distance`` is the largest relative distance of a parameter from the truth after the step,
    ``envelope`` that of reordered sums; ``loss`` is the mean loss of the step's images before it,
    ``true_loss`` the true one.
    """

    distance: float
    envelope: float
    loss: float
    true_loss: float


@dataclass(frozen=True)
class Check:
    """What was checked, whether it held, and in a line why or how well.

    ``worst`` names the element of the largest ``error_ratio``, ``sha256`` the weights trained;
    ``growth`` is how training went beside the truth, up to the step that failed if one did.
    """

    name: str
    kind: str
    passed: bool
    detail: str
    error_ratio: float | None = None
    worst: str | None = None
    sha256: str | None = None
    growth: tuple[Growth, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: what is not finite, which JSON cannot hold, becomes None."""
        growth = [[v if isfinite(v) else None for v in step] for step in self.growth]
        ratio = self.error_ratio if self.error_ratio is None or isfinite(self.error_ratio) else None
        return {**asdict(self), "error_ratio": ratio, "growth": growth}


def raising_fails(name: str, kind: str) -> Callable[[Callable[..., Check]], Callable[..., Check]]:
    """Turn an exception from the code under test into a failed check of this name and kind."""

    def decorate(check: Callable[..., Check]) -> Callable[..., Check]:
        @wraps(check)
        def guarded(*args: Any, **kwargs: Any) -> Check:
            try:
                return check(*args, **kwargs)
            except MnistBenchError:
                raise  # of the reference: it says nothing of the code under test
            except Exception as error:
                return Check(name, kind, False, f"{name} raised {described(error)}")

        return guarded

    return decorate
