"""What elementwise and reduction kernels share: text around their expressions, and its launch."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from cuda_host.arguments import C_TYPES, Matched, Parameter, Shape, Types, layout, parameters
from cuda_host.namespace import BACKWARD, LaunchError, RawModule, launched

NOT_EMULATED = re.compile(r"\b(return|goto|n|threadIdx|blockIdx|blockDim|gridDim|__\w+)\b")


@lru_cache(32)
def elements(size: int, order: int) -> np.ndarray:
    """Elements of the loop in an order of `RawModule`."""
    if order > BACKWARD:
        return np.random.RandomState(order).permutation(size)
    return np.arange(size)[::-1].copy() if order == BACKWARD else np.arange(size)


class Generated:
    """A kernel that is written for the types it is called with.

    Its only thread takes the elements one by one in the order of `RawModule`, so that one that
    depends on another is found out.
    """

    def __init__(self, in_params: str, out_params: str, name: str, *expressions: str) -> None:
        self.name = name
        self.params = parameters(in_params, const=True) + parameters(out_params, const=False)
        self.inputs = sum(p.const for p in self.params)
        for found in filter(None, map(NOT_EMULATED.search, expressions)):
            raise LaunchError(f"{name}: {found[0]!r} is not emulated")
        self._compiled: dict[Any, Callable[..., None]] = {}

    def text(self, types: Types, arrays: list[Parameter]) -> str:
        """The kernel in C++; parameters that are not among ``arrays`` are scalars."""
        raise NotImplementedError

    def launch(
        self, matched: Matched, types: Types, shape: Shape, out_shape: Shape, *sizes: int
    ) -> Any:
        """Run it over the elements of ``out_shape``; returns the outputs."""
        arrays = [p for p, arg in matched if isinstance(arg, np.ndarray)]
        key = tuple(types.items()), tuple(arrays)
        if key not in self._compiled:
            self._compiled[key] = RawModule(self.text(types, arrays)).get_function(self.name)
        held: list[Any] = []
        for p, arg in matched:
            if p in arrays:
                held += [arg, layout(p, arg, shape if p.const else out_shape)]
            else:
                held.append(p.dtype(types).type(arg))
        size = int(np.prod(out_shape))
        if size:
            launched(lambda: self._run(self._compiled[key], held, size, sizes))
        outputs = tuple(arg for p, arg in matched if not p.const)
        return outputs if len(outputs) > 1 else outputs[0]

    def _run(
        self, kernel: Callable[..., None], held: list[Any], size: int, sizes: tuple[int, ...]
    ) -> None:
        fault = np.array([-1, 0])
        order = elements(size, RawModule.order)
        kernel((1,), (1,), [*held, order, fault, np.int64(size), *map(np.int64, sizes)])
        if fault[0] >= 0:
            name = self.params[fault[0]].name
            raise LaunchError(f"{self.name}: {name}[{fault[1]}] is outside of the array")

    def head(self, types: Types, arrays: list[Parameter], preamble: str = "") -> str:
        """Text up to the last of the parameters that are declared."""
        typedefs = "".join(f"typedef {C_TYPES[t.name]} {letter};\n" for letter, t in types.items())
        declared = []
        for p in self.params:
            t = p.c_type(types)
            array = f"{t}* _raw_{p.name}, const ptrdiff_t* _at_{p.name}"
            declared.append(array if p in arrays else f"{t} {p.name}")
        return (
            f'#include "elementwise.h"\n{typedefs}{preamble}\n'
            f'extern "C" __global__ void {self.name}({", ".join(declared)}, '
            "const ptrdiff_t* _order, ptrdiff_t* _fault, ptrdiff_t _size"
        )

    def named_elements(self, params: list[Parameter], types: Types, index: str) -> str:
        """Their elements for ``index`` by the names of the parameters; raw ones as arrays."""
        return "\n".join(
            f"[[maybe_unused]] {p.c_type(types)}& {p.name} = "
            f"_raw_{p.name}[place(_at_{p.name}, {index})];"
            for p in params
            if not p.raw
        )

    def raw_arrays(self, types: Types) -> str:
        """Raw parameters by their names."""
        return "\n".join(
            f"[[maybe_unused]] const RawArray<{p.c_type(types)}> "
            f"{p.name}{{_raw_{p.name}, _at_{p.name}, {number}, _fault}};"
            for number, p in enumerate(self.params)
            if p.raw
        )
