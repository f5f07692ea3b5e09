"""Parameter lists of CuPy's kernels, matched with what a call passes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuda_host.namespace import LaunchError

C_TYPES = {
    "bool": "bool", "uint8": "unsigned char", "int32": "int", "int64": "long long",
    "float32": "float", "float64": "double",
}  # fmt: skip
Types = dict[str, np.dtype]
"""What the letters stand for."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Parameter:
    """One of a parameter list, such as ``raw T logits``."""

    name: str
    type: str
    raw: bool
    const: bool

    def dtype(self, types: Types) -> np.dtype:
        """dtype of its elements."""
        return types[self.type] if len(self.type) == 1 else np.dtype(self.type)

    def c_type(self, types: Types) -> str:
        """Type of its elements in C++."""
        return ("const " if self.const else "") + C_TYPES[self.dtype(types).name]


Matched = list[tuple[Parameter, Any]]
"""Parameters and what is passed for them."""


def parameters(text: str, const: bool) -> list[Parameter]:
    """The parameters of a list; `LaunchError` for one that is not emulated."""
    found = []
    for item in filter(str.strip, text.split(",")):
        words = re.fullmatch(r"\s*(raw\s+)?([A-Za-z]\w*)\s+([A-Za-z]\w*)\s*", item)
        if words is None or words[3] in ("i", "n"):
            raise LaunchError(f"{item!r} is no parameter")
        if len(words[2]) > 1 and words[2] not in C_TYPES:
            raise LaunchError(f"parameters of type {words[2]} are not emulated")
        found.append(Parameter(words[3], words[2], bool(words[1]), const))
    return found


def match(params: list[Parameter], args: Sequence[Any]) -> tuple[Matched, Types]:
    """Parameters with their arguments, and the types of the letters: outputs decide first."""
    inputs = sum(p.const for p in params)
    if len(args) not in (inputs, len(params)):
        raise TypeError(f"Wrong number of arguments: {len(args)}, not {inputs} or {len(params)}")
    matched = list(zip(params, args, strict=False))
    types: Types = {}
    for p, arg in sorted(matched, key=lambda pair: pair[0].const):
        if isinstance(arg, np.ndarray):
            wanted = types.setdefault(p.type, arg.dtype) if len(p.type) == 1 else p.dtype({})
            if arg.dtype != wanted:
                raise TypeError(f"Type is mismatched. {p.name} {arg.dtype} {wanted} {p.type}")
        elif not p.const or not isinstance(arg, bool | int | float | np.generic):
            raise TypeError(f"{p.name}: {type(arg).__name__} is no array")
    unknown = {p.type for p in params if len(p.type) == 1} - set(types)
    if unknown:
        raise TypeError(f"no array gives {unknown.pop()} a type")
    return matched, types


def with_outputs(params: list[Parameter], matched: Matched, types: Types, shape: Shape) -> Matched:
    """Outputs too, made in ``shape`` if none are passed."""
    inputs = [(p, arg) for p, arg in matched if p.const]
    outputs = matched[len(inputs) :]
    if not outputs:
        outputs = [(p, np.empty(shape, p.dtype(types))) for p in params if not p.const]
    if any(not p.raw and array.shape != shape for p, array in outputs):
        raise ValueError("Out shape is mismatched")
    return inputs + outputs


def layout(parameter: Parameter, array: np.ndarray, shape: Shape) -> np.ndarray:
    """What elementwise.h wants to know of an array: see RawArray and place there."""
    if parameter.raw:
        return np.array([array.size, *array.shape])
    if array.shape == shape:
        return np.zeros(1, np.int64)
    strides = [s // array.itemsize for s in np.broadcast_to(array, shape).strides]
    last_first = list(zip(shape, strides, strict=True))[::-1]
    return np.array([len(shape), *[number for pair in last_first for number in pair]])
