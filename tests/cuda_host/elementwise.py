"""`cupy.ElementwiseKernel` on the CPU, for C-contiguous arrays that may be broadcast."""

from typing import Any

import numpy as np

from cuda_host.arguments import Parameter, Types, match, with_outputs
from cuda_host.generated import Generated

LOOP = """{head})
{{
    [[maybe_unused]] const Indexer _ind{{_size}};
    {raw_arrays}
    for (ptrdiff_t _k = 0; _k < _size; ++_k) {{
        [[maybe_unused]] const ptrdiff_t i = _order[_k];
        {elements}
        {operation};
    }}
}}
"""


class ElementwiseKernel(Generated):
    """As CuPy's: called with inputs, or inputs and outputs; ``size`` if all arrays are raw."""

    def __init__(
        self,
        in_params: str,
        out_params: str,
        operation: str,
        name: str = "kernel",
        *,
        preamble: str = "",
    ) -> None:
        super().__init__(in_params, out_params, name, operation)
        self.operation, self.preamble = operation, preamble

    def __call__(self, *args: Any, size: int | None = None) -> Any:
        matched, types = match(self.params, args)
        loops = [a.shape for p, a in matched if isinstance(a, np.ndarray) and not p.raw]
        if size is not None and loops:
            raise ValueError("'size' can be used only if all of the arrays are 'raw'")
        if size is None and not loops:
            raise ValueError("Loop size is undecided.")
        shape = np.broadcast_shapes(*loops) if size is None else (size,)
        undecided = size is None and any(p.raw for p in self.params[self.inputs :])
        if undecided and len(args) == self.inputs:
            raise ValueError("Output array size is Undecided")
        return self.launch(with_outputs(self.params, matched, types, shape), types, shape, shape)

    def text(self, types: Types, arrays: list[Parameter]) -> str:
        return LOOP.format(
            head=self.head(types, arrays, self.preamble),
            raw_arrays=self.raw_arrays(types),
            elements=self.named_elements(arrays, types, "i"),
            operation=self.operation,
        )
