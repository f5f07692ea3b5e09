"""`cupy.ReductionKernel` on the CPU, over the first axis of two, adding in CuPy's order."""

from typing import Any

import numpy as np

from cuda_host.arguments import Parameter, Types, match, with_outputs
from cuda_host.generated import Generated
from cuda_host.namespace import LaunchError

BLOCK = 512
"""Threads of a block of CuPy's."""

LOOP = """{head}, ptrdiff_t _rows, ptrdiff_t _threads)
{{
    typedef {sum} _sum;
    auto _reduce = [](_sum a, _sum b) -> _sum {{ return {combine}; }};
    for (ptrdiff_t _k = 0; _k < _size; ++_k) {{
        const ptrdiff_t _i = _order[_k];
        _sum _of[{block}];
        for (ptrdiff_t _t = 0; _t < _threads; ++_t) _of[_t] = _sum({identity});
        for (ptrdiff_t _j = 0; _j < _rows; ++_j) {{
            {inputs}
            _of[_j % _threads] = _reduce(_of[_j % _threads], {each});
        }}
        for (ptrdiff_t _half = _threads / 2; _half > 0; _half /= 2)
            for (ptrdiff_t _t = 0; _t < _half; ++_t) _of[_t] = _reduce(_of[_t], _of[_t + _half]);
        {outputs}
        const _sum a = _of[0];
        ({result});
    }}
}}
"""


def threads_a_column(rows: int, columns: int) -> int:
    """Threads of a block that share a column: each takes every so many-th row."""
    side_by_side = max(min(columns, 32), BLOCK // max(1, rows))
    return BLOCK >> (side_by_side.bit_length() - 1)


class ReductionKernel(Generated):
    """As CuPy's: called with inputs, or inputs and the output, and ``axis=0``."""

    def __init__(
        self,
        in_params: str,
        out_params: str,
        map_expr: str,
        reduce_expr: str,
        post_map_expr: str,
        identity: str,
        name: str = "reduce_kernel",
    ) -> None:
        self.expressions = map_expr, reduce_expr, post_map_expr, identity
        super().__init__(in_params, out_params, name, *self.expressions)
        if any(p.raw for p in self.params) or len(self.params) > self.inputs + 1:
            raise LaunchError(f"{name}: raw arrays and several outputs are not emulated")

    def __call__(self, *args: Any, axis: int | None = None) -> Any:
        matched, types = match(self.params, args)
        arrays = [a.shape for p, a in matched if isinstance(a, np.ndarray) and p.const]
        shape = np.broadcast_shapes(*arrays)
        if len(shape) != 2 or axis != 0:
            raise LaunchError(f"{self.name}: axis {axis} of {shape} is not emulated")
        rows, columns = shape
        matched = with_outputs(self.params, matched, types, (columns,))
        threads = threads_a_column(rows, columns)
        return self.launch(matched, types, shape, (columns,), rows, threads)

    def text(self, types: Types, arrays: list[Parameter]) -> str:
        each, combine, result, identity = self.expressions
        inputs, output = [p for p in arrays if p.const], self.params[-1]
        return LOOP.format(
            head=self.head(types, arrays),
            sum=output.c_type(types),
            combine=combine,
            block=BLOCK,
            identity=identity,
            inputs=self.named_elements(inputs, types, "_j * _size + _i"),
            each=each,
            outputs=self.named_elements([output], types, "_i"),
            result=result,
        )
