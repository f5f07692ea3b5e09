"""The kernels that Numba compiles for CUDA, run by its simulator: prints a check a line as JSON.

A process of its own: the simulator stands in for `numba.cuda` only where it is asked for before
Numba is imported, ``NUMBA_ENABLE_CUDASIM=1 python tests/simulated_cuda.py``.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from precisions import UNROUNDED

from kernels.numba_cuda.operators import dense, relu, softmax_cross_entropy
from mnist_core import Backend, Case, Operator, operators
from mnist_core.kernels import Kernel, kernels_in
from mnist_core.numerics.check import Check
from mnist_core.numerics.exact_operator import check_exact_operator
from mnist_core.numerics.operator_check import check_operator
from mnist_core.precision import EXACT, FLOAT32, Precision

FEW = {"TILE": 8, "THREADS": 48, "MOST_BLOCKS": 1}
"""A quarter of the threads of a tile, and so few for ReLU that each takes several elements."""

MOST_WORK = {"dense": 7 * 13 * 17, "relu": 97 * 128, "softmax_cross_entropy": 97 * 10}
"""A thread of the simulator is one of Python's: what takes more of them is left out."""

DEEP = "integer probe, 31x65x33"
"""The exception, in float32: a corner of it, of several tiles and a partial one each way."""

WRONG = {
    "no barrier before a tile is read": (dense, "cuda.syncthreads()\n            for", "for"),
    "no barrier before a tile is replaced": (
        dense,
        "cuda.syncthreads()\n        if",
        "\n        if",
    ),
    "last partial tile left out": (dense, "x.shape[1], TILE", "x.shape[1] - TILE + 1, TILE"),
    "columns beyond the last written": (dense, "and j < out.shape[1]", ""),
    "a bias too few": (dense, "z += b[j]", "pass"),
    "one step of the grid": (relu, "while i", "if i"),
    "sum in place of mean": (softmax_cross_entropy, "dlogits[i, j] /= n", "pass"),
}
"""Module, what stands there and what a wrong kernel has instead."""


def work(operator: Operator, case: Case) -> int:
    sizes = case.inputs[0].shape
    return int(np.prod(sizes)) * (case.inputs[1].shape[1] if operator is operators.dense else 1)


def corner(case: Case) -> Case:
    """A case of `dense` with the rows and columns of one tile and a little more."""
    (x, w, b), size = case.inputs, dense.TILE + 1
    return replace(case, inputs=(x[:size], w[:, :size], b[:size]))


def cases(operator: Operator, precision: Precision) -> Iterator[Case]:
    """The operator's own cases as far as time allows; of `dense` a draw and a probe a shape."""
    seen: set[str] = set()
    for case in operator.inputs(np.random.RandomState(0)):
        if operator is operators.dense and case.note in seen:
            continue
        seen.add(case.note)
        if work(operator, case) <= MOST_WORK[operator.name]:
            yield case
        elif case.note.startswith(DEEP) and precision is FLOAT32:
            yield corner(case)


def check(backend: Backend, operator: Operator, precision: Precision) -> Check:
    chosen = cases(operator, precision)
    if precision is EXACT:
        return check_exact_operator(backend, operator, chosen)
    return check_operator(backend, operator, precision, chosen)


def on_the_host(parts: Any) -> Backend:
    return Backend("simulated", base="numpy", kernels=parts)


def with_wrong(module: ModuleType, old: str, new: str) -> Kernel:
    """The kernel of a module in whose source ``new`` stands in the place of ``old``."""
    file = str(module.__file__)
    source = Path(file).read_text()
    assert source.count(old) == 1, f"{old!r} is not what {file} holds once"
    namespace: dict[str, Any] = {"__name__": "wrong"}
    exec(compile(source.replace(old, new), file, "exec"), namespace)
    namespace |= FEW
    (found,) = [value for value in namespace.values() if isinstance(value, Kernel)]
    return found


def nan_stays(backend: Backend) -> Check:
    """NaN in, NaN out: a training that diverged must not look like one that did not."""
    nan, one = np.full((1, 1), np.nan, np.float32), np.ones((1, 1), np.float32)
    outputs = np.zeros((2, 1, 1), np.float32)
    backend.relu(nan, outputs[0])
    backend.dense(nan, one, one[0], outputs[1], activation="relu")
    return Check("nan", "nan", bool(np.isnan(outputs).all()), str(outputs))


def show(name: str, check: Check) -> None:
    print(json.dumps({"shown": name, **check.as_dict()}), flush=True)


def main() -> None:
    # Threads that wait for each other give way sooner: half the time in all.
    sys.setswitchinterval(1e-3)
    for module in (dense, relu, softmax_cross_entropy):
        vars(module).update(FEW)
    backend = on_the_host(kernels_in("kernels.numba_cuda.operators"))
    show("NaN", nan_stays(backend))
    for name in MOST_WORK:
        operator = getattr(operators, name)
        for precision in UNROUNDED:
            show(f"{name} {precision.name}", check(backend, operator, precision))
    for name, (module, old, new) in WRONG.items():
        wrong = with_wrong(module, old, new)
        show(f"wrong: {name}", check(on_the_host([wrong]), wrong.operator, FLOAT32))


if __name__ == "__main__":
    main()
