"""The outcome of one check."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from math import isfinite
from typing import Any

from mnist_core.errors import described


@dataclass(frozen=True)
class Check:
    """What was checked, whether it held, and in a line why or how well."""

    name: str
    kind: str
    passed: bool
    detail: str
    error_ratio: float | None = None
    sha256: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: an infinite ratio, which JSON cannot hold, becomes None."""
        ratio = self.error_ratio if self.error_ratio is None or isfinite(self.error_ratio) else None
        return {**asdict(self), "error_ratio": ratio}


def raising_fails(kind: str) -> Callable[[Callable[..., Check]], Callable[..., Check]]:
    """Turn an exception from the code under test into a failed check of this kind."""

    def decorate(check: Callable[..., Check]) -> Callable[..., Check]:
        @wraps(check)
        def guarded(*args: Any, **kwargs: Any) -> Check:
            try:
                return check(*args, **kwargs)
            except Exception as error:
                return Check(kind, kind, False, f"{kind} raised {described(error)}")

        return guarded

    return decorate
