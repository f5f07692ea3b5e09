"""What a kernel is: one way to compute one operator, or a whole level, and how it is declared."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mnist_core.arrays import Space
from mnist_core.errors import BackendError
from mnist_core.operators import Array, Case, Operator
from mnist_core.precision import EXACT, PRECISIONS, Precision

Function = Callable[..., Any]

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
    executed: Callable[[Case], float] | None = None
    dtype: str | None = None

    def flops_executed(self, case: Case) -> float:
        """Floating-point operations that one call really makes: as declared, or the useful ones.

        NaN where they are made by units whose peak is not measured.
        """
        return self.operator.flops(case) if self.executed is None else self.executed(case)

    def serves(self, precision: Precision) -> bool:
        """Whether it computes the operator as it is in ``precision``."""
        if self.dtype not in (None, precision.dtype):
            return False
        if self.precision is not None:
            return self.precision == precision.name
        return precision is not EXACT or self.operator.exact is None

    def bind(self, space: Space) -> Function:
        """The function that a network calls."""
        return partial(self.function, space) if self.needs_space else self.function


@dataclass(frozen=True)
class Work:
    """What a take-over does with given images: under which name, how much of it, and why so.

    ``executed`` is the share of a step's useful operations that it really makes.
    """

    name: str
    executed: float
    note: str


@dataclass(frozen=True)
class TakeOver:
    """A whole level computed in one's own way: ``function(network, ...)`` as in `Network`."""

    name: str
    level: str
    function: Function
    precision: str | None = None
    work: Callable[..., Work] | None = None

    def serves(self, precision: Precision) -> bool:
        """Whether it trains as ``precision`` does; what does not say so rounds nowhere."""
        if self.precision is not None:
            return self.precision == precision.name
        return precision is not EXACT


def kernel(
    operator: Operator,
    *,
    device: str = "cpu",
    name: str | None = None,
    needs_space: bool = False,
    precision: str | None = None,
    executed: Callable[[Case], float] | None = None,
    dtype: str | None = None,
) -> Callable[[Function], Kernel]:
    """Declare a function as a kernel of ``operator`` for arrays on ``device``.

    With ``needs_space`` its first argument is the `Space`, for scratch memory and the namespace.
    With ``precision``, such as "exact" or "tf32", it is used in that precision alone, and before
    any other. With ``dtype`` it takes floats of that dtype alone. A kernel that leaves operations
    out on purpose (zeros, say) gives their number with ``executed``, from a call: its share of the
    machine's peak is that of what it really computes.
    """
    _check_precision(precision)

    def declare(function: Function) -> Kernel:
        named = name or function.__name__
        return Kernel(named, operator, device, function, needs_space, precision, executed, dtype)

    return declare


def array_kernel(
    operator: Operator, *, name: str = "array", precision: str | None = None
) -> Callable[[Function], Kernel]:
    """Declare a kernel written against the array namespace: its first argument is the `Space`."""
    return kernel(operator, device="any", name=name, needs_space=True, precision=precision)


def takes_over(
    level: str,
    *,
    name: str | None = None,
    precision: str | None = None,
    work: Callable[..., Work] | None = None,
) -> Callable[[Function], TakeOver]:
    """Declare a function that computes a whole level in place of the composed one.

    In exact precision it is used only if it says ``precision="exact"``, and then only there, as one
    that says ``precision="float32"`` is used there alone. One that leaves operations out on purpose
    says how many with ``work(network, images)``, a `Work`.
    """
    if level not in LEVELS:
        raise BackendError(f"takes_over({level!r}): the levels are {', '.join(LEVELS)}")
    _check_precision(precision)
    return lambda function: TakeOver(name or function.__name__, level, function, precision, work)


def _check_precision(precision: str | None) -> None:
    if precision is not None and precision not in PRECISIONS:
        names = ", ".join(map(repr, PRECISIONS))
        raise BackendError(
            f"precision={precision!r}: leave it out, for all floats, or write one of {names}"
        )


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


def reference_kernels(operator: Operator) -> list[Kernel]:
    """The operator's own reference as a kernel, for floats and, if it is another there, exact."""
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
