"""What a backend is: where arrays live, and the kernel chosen for each operator."""

import copy
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mnist_core.arrays import Space
from mnist_core.errors import BackendError, described
from mnist_core.operators import Array, Operator
from mnist_core.precision import EXACT, FLOAT32, Precision

Function = Callable[..., Any]
Observer = Callable[[Operator, Sequence[Array]], None]

LEVELS = ("forward", "backward", "step", "epoch")
"""Levels above the operators, each composed from the one before."""


@dataclass(frozen=True)
class Kernel:
    """One way to compute one operator: ``function(*inputs, *outputs, **attributes)``."""

    name: str
    operator: Operator
    device: str
    function: Function
    needs_space: bool = False
    precision: str | None = None

    def serves(self, precision: Precision) -> bool:
        """Whether it computes the operator as it is in ``precision``."""
        if self.precision is not None:
            return self.precision == precision.name
        return precision.name != EXACT.name or self.operator.exact is None

    def bind(self, space: Space) -> Function:
        """The function that a network calls."""
        return partial(self.function, space) if self.needs_space else self.function


@dataclass(frozen=True)
class TakeOver:
    """A whole level computed in one's own way: ``function(network, ...)`` as in `Network`."""

    name: str
    level: str
    function: Function
    precision: str | None = None

    def serves(self, precision: Precision) -> bool:
        """Whether it trains as ``precision`` does; what does not say so rounds nowhere."""
        return self.precision == (EXACT.name if precision.name == EXACT.name else None)


def kernel(
    operator: Operator,
    *,
    device: str = "cpu",
    name: str | None = None,
    needs_space: bool = False,
    precision: str | None = None,
) -> Callable[[Function], Kernel]:
    """Declare a function as a kernel of ``operator`` for arrays on ``device``.

    With ``needs_space`` its first argument is the `Space`, for scratch memory and the namespace.
    With ``precision="exact"`` it is used in exact precision alone, and before any other.
    """

    def declare(function: Function) -> Kernel:
        named = name or function.__name__
        return Kernel(named, operator, device, function, needs_space, precision)

    return declare


def array_kernel(
    operator: Operator, *, name: str = "array", precision: str | None = None
) -> Callable[[Function], Kernel]:
    """Declare a kernel written against the array namespace: its first argument is the `Space`."""
    return kernel(operator, device="any", name=name, needs_space=True, precision=precision)


def takes_over(
    level: str, *, name: str | None = None, precision: str | None = None
) -> Callable[[Function], TakeOver]:
    """Declare a function that computes a whole level in place of the composed one.

    In exact precision it is used only if it says ``precision="exact"``, and then only there.
    """
    if level not in LEVELS:
        raise BackendError(f"takes_over({level!r}): the levels are {', '.join(LEVELS)}")
    return lambda function: TakeOver(name or function.__name__, level, function, precision)


Part = Kernel | TakeOver


def kernels_in(package: str) -> Callable[[], list[Part]]:
    """All kernels and take-overs in the modules of a package, imported when they are asked for."""

    def load() -> list[Part]:
        path = importlib.import_module(package).__path__
        found: dict[int, Part] = {}
        for info in sorted(pkgutil.iter_modules(path), key=lambda info: info.name):
            module = importlib.import_module(f"{package}.{info.name}")
            found |= {id(v): v for v in vars(module).values() if isinstance(v, Kernel | TakeOver)}
        return list(found.values())

    return load


def _reference_kernels(operator: Operator) -> list[Kernel]:
    kernels = [_reference_kernel(operator, operator.reference, None)]
    if operator.exact is not None:
        kernels.append(_reference_kernel(operator, operator.exact_reference, EXACT.name))
    return kernels


def _reference_kernel(operator: Operator, compute: Function, precision: str | None) -> Kernel:
    def reference(space: Space, *arrays: Array, **attributes: Any) -> None:
        inputs = arrays[: len(operator.input_names)]
        fresh = iter(arrays[len(inputs) :])
        named = dict(zip(operator.input_names, inputs, strict=True))
        results = compute(*inputs, **attributes)
        for name, result in zip(operator.outputs, results, strict=True):
            out = named[name] if name in named else next(fresh)
            if out is not None:
                out[...] = result

    return Kernel("reference", operator, "cpu", reference, True, precision)


def _observed(function: Function, operator: Operator, observe: Observer) -> Function:
    def call(*arrays: Array, **attributes: Any) -> None:
        function(*arrays, **attributes)
        observe(operator, arrays)

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
        self._precision = FLOAT32
        self._observe: Observer | None = None
        self._space: Space | None = None
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
        if self._space is None:
            base = self._base
            self._space = base.space if base is not None else self._make_space()  # type: ignore[misc]
        return self._space

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
        """Of a choice of kernels, operator to name, those that this backend has."""
        from mnist_core import registry

        return {
            operator: name
            for operator, name in kernels.items()
            if any(k.name == name for k in self.candidates(registry.operator(operator)))
        }

    def candidates(self, operator: Operator) -> list[Kernel]:
        """Kernels that can compute ``operator`` here, the preferred one first."""
        own = [p for p in self.parts if isinstance(p, Kernel) and p.operator is operator]
        base = self._base
        return own + (base.candidates(operator) if base else _reference_kernels(operator))

    def kernel_for(self, operator: Operator) -> Kernel:
        """The kernel in use for ``operator``."""
        candidates = [k for k in self.candidates(operator) if k.serves(self._precision)]
        # Those made for the precision come first, also where it is the base that has them.
        candidates.sort(key=lambda kernel: kernel.precision is None)
        wanted = self._chosen.get(operator.name, candidates[0].name)
        for candidate in candidates:
            if candidate.name == wanted:
                return candidate
        names = ", ".join(dict.fromkeys(c.name for c in candidates))
        raise BackendError(f"{self.name} has no kernel {operator.name}={wanted}; it has {names}")

    def take_over(self, level: str) -> TakeOver | None:
        """What computes ``level`` here in its own way, if anything does."""
        overs = (p for p in self.parts if isinstance(p, TakeOver) and p.level == level)
        return next((over for over in overs if over.serves(self._precision)), None)

    def computing_in(self, precision: Precision) -> "Backend":
        """This backend with the kernels of ``precision``, its outputs rounded to their grids."""
        other = self._copy()
        other._precision = precision
        return other

    def observed_by(self, observe: Observer) -> "Backend":
        """This backend; ``observe(operator, arrays)`` sees each call before it is rounded."""
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
        grids = self._precision.grids.get(name)
        if grids:
            function = _rounding(function, operator, grids, self.space)
        self.__dict__[name] = function
        return function
