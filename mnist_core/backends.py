"""What a backend is: where arrays live, and the kernel chosen for each operator."""

import copy
import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mnist_core.arrays import Space
from mnist_core.errors import BackendError, described
from mnist_core.kernels import (
    LEVELS,
    Function,
    Kernel,
    Part,
    TakeOver,
    Work,
    array_kernel,
    kernel,
    kernels_in,
    reference_kernels,
    takes_over,
)
from mnist_core.operators import Array, Operator
from mnist_core.precision import FLOAT32, Precision

__all__ = [
    "LEVELS",
    "Backend",
    "Kernel",
    "TakeOver",
    "Work",
    "array_kernel",
    "kernel",
    "kernels_in",
    "takes_over",
]

Observer = Callable[[Operator, Sequence[Array], Mapping[str, Any]], None]


def _observed(function: Function, operator: Operator, observe: Observer) -> Function:
    def call(*arrays: Array, **attributes: Any) -> None:
        function(*arrays, **attributes)
        observe(operator, arrays, attributes)

    return call


def _rounding(
    function: Function, operator: Operator, grids: Mapping[str, int], space: Space
) -> Function:
    """``function`` and then its outputs rounded to multiples of 2**-bits."""
    places = [(operator.place(output), bits) for output, bits in grids.items()]

    def call(*arrays: Array, **attributes: Any) -> None:
        function(*arrays, **attributes)
        for place, bits in places:
            if arrays[place] is not None:
                space.round_to_grid(arrays[place], bits)

    return call


def _no_reason() -> str | None:
    return None


class Backend:
    """Where arrays live, plus a kernel for each operator, plus the levels it takes over.

    A backend's operators are its attributes: ``backend.dense(x, w, b, out, activation="relu")``.
    What it has no kernel for comes from its base, in the end from the operator's reference.

    Parameters
    ----------
    name
        As it appears in ``--backend`` and in results.
    base
        Name of the backend that supplies array space and kernels where this one has none.
        Take-overs are not inherited: they would bypass the kernels chosen here.
    space
        Makes the array space, for a backend without a base.
    kernels
        Kernels and take-overs, or a function that imports and returns them when first needed.
        Of several kernels for one operator the first is used unless another is chosen.
    requires
        Packages that must be importable.
    unavailable
        Gives the reason why it cannot run on this machine, or None.
    role
        "own", or "peer" for somebody else's framework that stands beside ours to compare.
    driven
        How it is driven, in a line, for `list` and the report.
    """

    def __init__(
        self,
        name: str,
        *,
        base: str | None = None,
        space: Callable[[], Space] | None = None,
        kernels: Sequence[Part] | Callable[[], Iterable[Part]] = (),
        requires: Sequence[str] = (),
        unavailable: Callable[[], str | None] = _no_reason,
        role: str = "own",
        driven: str = "",
    ) -> None:
        if (base is None) == (space is None):
            raise BackendError(f"backend {name!r}: give it a base or an array space, one of them")
        if base == name:
            raise BackendError(f"backend {name!r} cannot be its own base")
        self.name = name
        self.base = base
        self.requires = tuple(requires)
        self.role = role
        self.driven = driven
        self._make_space = space
        self._kernels = kernels
        self._unavailable = unavailable
        self._chosen: dict[str, str] = {}
        self.precision = FLOAT32
        self._observe: Observer | None = None
        self._shared: dict[str, Space] = {}
        self._parts: list[Part] | None = None

    def __repr__(self) -> str:
        return f"<backend {self.name}>"

    @property
    def _base(self) -> "Backend | None":
        from mnist_core import registry

        return None if self.base is None else registry.backend(self.base)

    def unavailable(self) -> str | None:
        """Reason why this backend cannot run here, or None if it can."""
        try:
            reason = self._unavailable()
        except Exception as error:
            reason = described(error)
        if reason is None:
            missing = [
                p for p in self.requires if importlib.util.find_spec(p.split(".")[0]) is None
            ]
            reason = f"{', '.join(missing)} is not installed" if missing else None
        if reason is None and self._base is not None:
            reason = self._base.unavailable()
        return reason

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that it is made of, its base's included."""
        base = self._base
        inherited = base.packages if base is not None else ()
        return tuple(dict.fromkeys((*self.requires, *inherited)))

    @property
    def space(self) -> Space:
        """The array space, made at first use."""
        if "space" not in self._shared:  # shared with copies for other precisions
            base = self._base
            made = base.space if base is not None else self._make_space()  # type: ignore[misc]
            self._shared["space"] = made
        return self._shared["space"]

    @property
    def parts(self) -> list[Part]:
        """Own kernels and take-overs, loaded at first use."""
        if self._parts is None:
            try:
                self._parts = list(self._kernels() if callable(self._kernels) else self._kernels)
            except Exception as error:
                raise BackendError(
                    f"backend {self.name}: its kernels cannot be loaded: {described(error)}"
                ) from error
        return self._parts

    def having(self, kernels: dict[str, str]) -> dict[str, str]:
        """Of a choice of kernels, operator to name, those that this backend has to offer."""
        from mnist_core import registry

        return {
            operator: name
            for operator, name in kernels.items()
            if any(k.name == name for k in self._serving(registry.operator(operator)))
        }

    def candidates(self, operator: Operator) -> list[Kernel]:
        """Kernels that can compute ``operator`` here, the preferred one first.

        Own ones come before the base's, and of each those made for a precision before the others.
        """
        own = [p for p in self.parts if isinstance(p, Kernel) and p.operator is operator]
        own.sort(key=lambda kernel: kernel.precision is None)
        base = self._base
        return own + (base.candidates(operator) if base else reference_kernels(operator))

    def unavailable_in(self, precision: Precision) -> str | None:
        """Reason why there is nothing here that computes in ``precision``, or None if there is."""
        if precision.factor_bits is None or self._has_kernels_for(precision):
            return None
        return f"no kernel of {self.name} computes in {precision.name}: take float32"

    def _has_kernels_for(self, precision: Precision) -> bool:
        own = any(part.precision == precision.name for part in self.parts)
        return own or (self._base is not None and self._base._has_kernels_for(precision))

    def _serving(self, operator: Operator) -> list[Kernel]:
        return [k for k in self.candidates(operator) if k.serves(self.precision)]

    def kernel_for(self, operator: Operator) -> Kernel:
        """The kernel in use for ``operator``."""
        candidates = self._serving(operator)
        wanted = self._chosen.get(operator.name, candidates[0].name)
        for candidate in candidates:
            if candidate.name == wanted:
                return candidate
        names = ", ".join(dict.fromkeys(c.name for c in candidates))
        raise BackendError(f"{self.name} has no kernel {operator.name}={wanted}; it has {names}")

    def take_over(self, level: str) -> TakeOver | None:
        """What computes ``level`` here in its own way, if anything does."""
        overs = (p for p in self.parts if isinstance(p, TakeOver) and p.level == level)
        return next((over for over in overs if over.serves(self.precision)), None)

    def computing_in(self, precision: Precision) -> "Backend":
        """This backend with the kernels of ``precision``, its outputs rounded to their grids."""
        other = self._copy()
        other.precision = precision
        return other

    def observed_by(self, observe: Observer) -> "Backend":
        """This backend; ``observe(operator, arrays, attributes)`` sees each call unrounded."""
        other = self._copy()
        other._observe = observe
        return other

    def _copy(self) -> "Backend":
        from mnist_core import registry

        other = copy.copy(self)
        for name in registry.operators():
            other.__dict__.pop(name, None)
        return other

    def choosing(self, kernels: dict[str, str]) -> "Backend":
        """This backend with other kernels: operator name to kernel name.

        Take-overs are dropped, since they would bypass the choice.
        """
        from mnist_core import registry

        other = self._copy()
        other._parts = [part for part in self.parts if isinstance(part, Kernel)]
        other._chosen = {**self._chosen, **kernels}
        for name in kernels:
            other.kernel_for(registry.operator(name))
        return other

    def __getattr__(self, name: str) -> Function:
        # Reached only the first time: the bound kernel then stands among the attributes.
        from mnist_core import registry

        if name.startswith("_") or name not in registry.operators():
            raise AttributeError(f"a backend has no attribute or operator {name!r}")
        operator = registry.operator(name)
        function = self.kernel_for(operator).bind(self.space)
        if self._observe is not None:
            function = _observed(function, operator, self._observe)
        grids = self.precision.grids.get(name)
        if grids:
            function = _rounding(function, operator, grids, self.space)
        self.__dict__[name] = function
        return function
