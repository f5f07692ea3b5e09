"""Wrong kernels and wrong ways to train, one for each way to be wrong; and right but unusual ones.

Every adversary names the check that should see it and what that check must say of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnist_core.backends import Backend, kernel, takes_over
from mnist_core.operators import Operator

Array = Any

# In no registry: a backend is an object that can be checked as it is.
RIGHT = Backend("references alone", base="numpy")


@dataclass(frozen=True)
class Adversary:
    """A wrong backend, the check that should see it, and what the refusal must hold.

    In ``said`` the sign … stands for anything.
    """

    backend: Backend
    seen_by: str
    said: str

    @property
    def name(self) -> str:
        """How the matrix calls it."""
        return self.backend.name


ADVERSARIES: list[Adversary] = []


def wrong(operator: Operator, said: str) -> Callable[[Callable[..., Any]], None]:
    """Declare a wrong kernel, which its operator's own check must see."""

    def declare(function: Callable[..., Any]) -> None:
        part = kernel(operator)(function)
        backend = Backend(f"{operator.name}-{part.name}", base="numpy", kernels=[part])
        ADVERSARIES.append(Adversary(backend, operator.name, said))

    return declare


def wrong_level(
    level: str, seen_by: str, said: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a wrong way to compute a whole level, which ``seen_by`` must see."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        part = takes_over(level)(function)
        backend = Backend(f"{level}-{part.name}", base="numpy", kernels=[part])
        ADVERSARIES.append(Adversary(backend, seen_by, said))
        return function

    return declare


def right(operator: Operator, *arrays: Array, **attributes: Any) -> None:
    """Fill the outputs as they should be."""
    getattr(RIGHT, operator.name)(*arrays, **attributes)
