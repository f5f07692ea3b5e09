"""A kernel in exact precision against its operator's reference: equal, before any rounding."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mnist_core.backends import Backend
from mnist_core.errors import described
from mnist_core.numerics.check import Check
from mnist_core.numerics.operator_check import run_case
from mnist_core.operators import Case, HostArray, Operator
from mnist_core.precision import EXACT, SIGNIFICAND_BITS, to_grid

LOSS = ("softmax_cross_entropy", "loss")
"""The output that is not compared bit by bit: a logarithm, which libraries round differently."""

LOSS_ROUNDOFFS = 16


def losses_agree(losses: HostArray, truth: HostArray) -> bool:
    """Whether losses are the true ones up to the rounding of a logarithm and a difference."""
    allowed = LOSS_ROUNDOFFS * EXACT.roundoff * (1 + np.abs(truth))
    return losses.shape == truth.shape and bool((np.abs(losses - truth) <= allowed).all())


def on_grid(operator: Operator, case: Case) -> Case:
    """The case with inputs on the grids of training, made smaller until no sum of it rounds."""
    grids, scale = operator.grids or {}, 1.0
    attributes = {
        name: EXACT.nearest_lr(value) if name == "lr" else value
        for name, value in case.attributes.items()
    }
    while True:
        named = zip(operator.input_names, case.inputs, strict=True)
        inputs = tuple(to_grid(a * scale, grids[n]) if n in grids else a for n, a in named)
        snapped = replace(case, inputs=inputs, attributes=attributes)
        if operator.exact_bits(snapped) < SIGNIFICAND_BITS:
            return snapped
        scale /= 4


def rounded(operator: Operator, output: str, value: HostArray) -> HostArray:
    """An output as training goes on with it: on its grid, if it has one."""
    bits = EXACT.grids.get(operator.name, {}).get(output)
    return value if bits is None else to_grid(value, bits)


def _fault(backend: Backend, operator: Operator, case: Case) -> str | None:
    """What is wrong with the backend's kernel on one case, if anything is."""
    kernel = backend.computing_in(EXACT).kernel_for(operator)
    truths = operator.exact_reference(*case.rounded(EXACT.dtype), **case.attributes)
    try:
        computed, fault = run_case(kernel, backend.space, case, truths, EXACT.dtype)
    except Exception as error:
        return f"raised {described(error)}"
    if fault:
        return fault
    for name, truth in zip(operator.outputs, truths, strict=True):
        if name not in computed:
            continue
        if (operator.name, name) == LOSS:
            if not losses_agree(computed[name], truth):
                return f"{name} is not the logarithm that it should be"
        elif not np.array_equal(computed[name], truth):
            # A kernel may round to the grid itself.
            wanted = rounded(operator, name, truth)
            if not np.array_equal(computed[name], wanted):
                row = int(np.argwhere(computed[name] != wanted)[0][0])
                return f"{name} differs in row {row} of {len(truth)}"
    return None


def check_exact_operator(backend: Backend, operator: Operator, cases: Iterable[Case]) -> Check:
    """Run the backend's kernel of ``operator`` over cases until one has a wrong bit."""
    name = backend.computing_in(EXACT).kernel_for(operator).name
    count = 0
    for case in cases:
        fault = _fault(backend, operator, on_grid(operator, case))
        if fault:
            detail = f"{operator.name}/{name}: {fault} ({case.note})"
            return Check(operator.name, "exact", False, detail)
        count += 1
    return Check(operator.name, "exact", True, f"{name}: {count} cases, equal bits")
