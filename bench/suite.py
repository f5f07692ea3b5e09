"""What there is to time: the cases of a run, and which of them a backend takes part in."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.columns import case_label
from mnist_core import registry
from mnist_core.backends import Backend, Kernel
from mnist_core.precision import Precision

LEVELS = ("epoch", "step", "forward", "backward", "operator", "part")
"""In the order in which they are timed and shown: what people ask for first comes first."""

CACHES = ("hot", "cold")
"""An operator's arrays are in the cache where it ran just before, or have been driven out of it."""

FUSED = "fused"
"""The one part of a step that a backend computes as a whole."""

_COMPOSED_OF = {"step": ("forward", "backward"), "epoch": ("step", "forward", "backward")}


@dataclass(frozen=True)
class Case:
    """One thing to time on every backend."""

    level: str
    operator: str | None
    network: tuple[int, ...]
    batch: int
    cache: str | None = None

    @property
    def what(self) -> str:
        """The operator or part, or the level where it is a level above the operators."""
        return self.operator or self.level

    @property
    def kind(self) -> str:
        """What a backend is asked for, to be timed at this case: see `computed_by`."""
        return self.level if self.level == "part" and self.operator != FUSED else self.what

    @property
    def label(self) -> str:
        """How progress and messages name it."""
        return case_label(*self.identity)

    @property
    def network_name(self) -> str:
        """Layer sizes as people write them: 784-128-64-10."""
        return "-".join(map(str, self.network))

    @property
    def identity(self) -> tuple[Any, ...]:
        """What tells it apart in results: see `bench.columns.identity`."""
        return self.level, self.operator or "", self.network_name, self.batch, self.cache or ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Case":
        """Inverse of `as_dict`, also after JSON made the network a list."""
        return cls(**{**values, "network": tuple(values["network"])})


def computed_by(backend: Backend) -> list[str]:
    """Levels, operators and parts that a backend is timed at, as `Case.kind` names them.

    A peer is somebody else's way to compute: where it would only borrow the suite's own kernels, a
    row of its name would tell nothing of it.
    """
    operators = list(registry.operators())
    parts = [part for part in backend.parts if part.serves(backend.precision)]
    whole = {part.level for part in parts if not isinstance(part, Kernel)} - {"epoch"}
    step = FUSED if whole else "part"
    levels = [level for level in LEVELS if level != "part"]
    if backend.role == "own":
        return [*levels, *operators, step]
    own = [p.operator.name if isinstance(p, Kernel) else p.level for p in parts]
    if any(name in operators for name in own):
        return [*levels, *(name for name in operators if name in own), step]
    found = [level for level in levels if {level, *_COMPOSED_OF.get(level, ())} & set(own)]
    return [*found, FUSED] if "step" in found and whole else found


def ladder(backend: Backend, operators: Sequence[str], precision: Precision) -> list[Backend]:
    """A backend, and variants of it with each other kernel that it has for the operators."""
    if backend.role == "peer" or backend.unavailable():
        return [backend]
    computing = backend.computing_in(precision)
    others = [
        f"{backend.name}[{part.operator.name}={part.name}]"
        for part in computing.parts
        if isinstance(part, Kernel) and part.operator.name in operators and part.serves(precision)
        if part is not computing.kernel_for(part.operator)
    ]
    return [backend, *map(registry.backend, others)]


def parts_of(network: Sequence[int]) -> list[str]:
    """Names of the pieces of a step, in their order, and of the step in one piece."""
    layers = range(1, len(network))
    return [
        "gather_batch",
        *(f"dense {i}" for i in layers),
        "softmax_cross_entropy",
        *(f"dense_backward {i}" for i in reversed(layers)),
        "sgd",
        FUSED,
    ]


def cases(
    networks: Sequence[tuple[int, ...]],
    batches: Sequence[int],
    levels: Collection[str],
    operators: Sequence[str],
    caches: Sequence[str] = ("hot",),
) -> list[Case]:
    """All cases of a run; naming an operator asks for its level."""
    found = []
    for network in networks:
        for batch in batches:
            for level in [level for level in LEVELS if level in levels]:
                of: list[tuple[str | None, str | None]] = [(None, None)]
                if level == "operator":
                    of = [(name, cache) for cache in caches for name in operators]
                elif level == "part":
                    of = [(name, None) for name in parts_of(network)]
                found += [Case(level, name, network, batch, cache) for name, cache in of]
    return found
