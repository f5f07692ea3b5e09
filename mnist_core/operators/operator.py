"""What an operator is: a computation that knows its own reference, inputs, cost and error bound."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any
"""An array of whatever library the backend uses."""

HostArray = npt.NDArray[Any]


@dataclass(frozen=True)
class Case:
    """One call of an operator: host inputs in the order of the reference's arguments.

    Floating-point inputs are float64; whoever runs the case rounds them to the precision at hand.
    ``exact`` asks for equality: the inputs are such that no honest order of summation can round.
    """

    inputs: tuple[HostArray, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    exact: bool = False
    skip: frozenset[str] = frozenset()
    """Outputs that the caller does not want: the kernel gets None for them."""

    def rounded(self, dtype: str) -> tuple[HostArray, ...]:
        """Inputs with the floating-point ones in ``dtype``."""
        return tuple(a.astype(dtype) if a.dtype.kind == "f" else a for a in self.inputs)


def _returns_tuple(value: Any) -> tuple[HostArray, ...]:
    return value if isinstance(value, tuple) else (value,)


class Operator:
    """A computation of the training step, apart from any way to compute it.

    A kernel of the operator is called with its inputs and then its outputs as positional arrays,
    all C-contiguous, and its attributes by keyword. It fills the outputs, leaves the inputs
    alone (but those that are also outputs: they are updated in place) and returns nothing.

    Parameters
    ----------
    name
        As it appears in ``--operator`` and in results.
    reference
        NumPy code for any floating dtype. Positional arguments are the inputs, keyword-only
        arguments the attributes; it returns the outputs.
    inputs
        ``inputs(rng)`` yields cases that can fail a wrong kernel: ragged, spiked, saturated.
    workload
        ``workload(sizes, batch, rng)`` yields the calls that one training step makes.
    outputs
        Names of the outputs. One that bears an input's name is updated in place.
    flops
        Useful floating-point operations behind each output, from the inputs.
    bytes
        Bytes that one call must move at least, from its inputs and its outputs that are not inputs;
        if not given, each array once and those updated in place twice.
    reduction
        Length k of each output's longest sum, from the inputs: it enters the error bound.
    scale
        Size against which each output's error is judged, elementwise; |reference| if not given.
    equal
        Outputs for which every honest kernel gives the same bits.
    exact
        The reference in exact precision, for an operator that is another one there: kernels of it
        are declared with ``precision="exact"``.
    grids
        Bits behind the point of the floating-point inputs in exact precision, by name. An operator
        without them has no part in it.
    exact_bits
        Bits of significand that its sums need, from the inputs; 0 if not given.
    factors
        Inputs that it multiplies with each other and sums, by name.
    """

    def __init__(
        self,
        name: str,
        *,
        reference: Callable[..., Any],
        inputs: Callable[[np.random.RandomState], Iterable[Case]],
        workload: Callable[[Sequence[int], int, np.random.RandomState], Iterable[Case]],
        outputs: Sequence[str] = ("out",),
        flops: Callable[..., Sequence[int]],
        bytes: Callable[..., int] | None = None,
        reduction: Callable[..., Sequence[int]] | None = None,
        scale: Callable[..., Any] | None = None,
        equal: Sequence[str] = (),
        exact: Callable[..., Any] | None = None,
        grids: Mapping[str, int] | None = None,
        exact_bits: Callable[..., float] | None = None,
        factors: Sequence[str] = (),
    ) -> None:
        arguments = inspect.signature(reference).parameters.values()
        self.name = name
        self.input_names = tuple(a.name for a in arguments if a.kind != a.KEYWORD_ONLY)
        self.attribute_names = tuple(a.name for a in arguments if a.kind == a.KEYWORD_ONLY)
        self.outputs = tuple(outputs)
        self.inputs = inputs
        self.workload = workload
        self.equal = frozenset(equal)
        self.exact = exact
        self.grids = grids
        self.factors = frozenset(factors)
        self._exact_bits = exact_bits
        self._reference = reference
        self._flops = flops
        self._bytes = bytes
        self._reduction = reduction
        self._scale = scale

    def __repr__(self) -> str:
        return f"<operator {self.name}({', '.join(self.input_names)}) -> {', '.join(self.outputs)}>"

    @property
    def in_place(self) -> tuple[str, ...]:
        """Outputs that are also inputs."""
        return tuple(name for name in self.outputs if name in self.input_names)

    def place(self, output: str) -> int:
        """Position of an output among the arrays that a kernel is called with."""
        if output in self.input_names:
            return self.input_names.index(output)
        fresh = [name for name in self.outputs if name not in self.input_names]
        return len(self.input_names) + fresh.index(output)

    def reference(self, *inputs: HostArray, **attributes: Any) -> tuple[HostArray, ...]:
        """Outputs by plain NumPy, in the dtype of the inputs."""
        return _returns_tuple(self._reference(*inputs, **attributes))

    def exact_reference(self, *inputs: HostArray, **attributes: Any) -> tuple[HostArray, ...]:
        """Outputs in exact precision before they are rounded to their grids."""
        return _returns_tuple((self.exact or self._reference)(*inputs, **attributes))

    def exact_bits(self, case: Case) -> float:
        """Bits of significand at which no sum of a case rounds, in any order."""
        if self._exact_bits is None:
            return 0.0
        return self._exact_bits(*case.inputs, **case.attributes)

    def scale(self, *inputs: HostArray, **attributes: Any) -> tuple[HostArray, ...]:
        """Elementwise size that each output's rounding error is proportional to."""
        if self._scale is None:
            return tuple(np.abs(out) for out in self.reference(*inputs, **attributes))
        return _returns_tuple(self._scale(*inputs, **attributes))

    def reduction(self, *inputs: HostArray) -> tuple[int, ...]:
        """Length of the longest sum behind each output."""
        if self._reduction is None:
            return (1,) * len(self.outputs)
        return tuple(self._reduction(*inputs))

    def flops(self, case: Case) -> int:
        """Useful floating-point operations of one call, for the outputs that it wants."""
        counts = zip(self.outputs, self._flops(*case.inputs), strict=True)
        return int(sum(count for name, count in counts if name not in case.skip))

    def bytes(self, inputs: Sequence[HostArray], outputs: Sequence[HostArray | None]) -> int:
        """Bytes that one call must move: each array once, unless the operator says otherwise."""
        if self._bytes is not None:
            return int(self._bytes(*inputs, *outputs))
        named = zip(self.input_names, inputs, strict=True)
        in_place = [a for name, a in named if name in self.outputs]
        return sum(a.nbytes for a in (*inputs, *in_place, *outputs) if a is not None)
