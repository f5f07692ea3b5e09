"""A kernel in exact precision against its operator's reference: equal, before any rounding."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from mnist_core.backends import Backend
from mnist_core.errors import described
from mnist_core.numerics.check import Check
from mnist_core.numerics.exact_range import SIGNIFICAND_BITS, bits_needed
from mnist_core.numerics.operator_check import run_case
from mnist_core.operators import Case, HostArray, Operator
from mnist_core.operators.dense_backward import through_activation
from mnist_core.precision import ACTIVATION_BITS, EXACT, GRADIENT_BITS, WEIGHT_BITS

_INPUT_BITS: Mapping[str, Mapping[str, int]] = {
    "dense": {"x": ACTIVATION_BITS, "w": WEIGHT_BITS, "b": WEIGHT_BITS},
    "dense_backward": {
        "x": ACTIVATION_BITS,
        "w": WEIGHT_BITS,
        "out": ACTIVATION_BITS,
        "grad": GRADIENT_BITS,
    },
    "relu": {"z": ACTIVATION_BITS},
    "relu_backward": {"out": ACTIVATION_BITS, "grad": GRADIENT_BITS},
    "softmax": {"logits": ACTIVATION_BITS},
    "softmax_cross_entropy": {"logits": ACTIVATION_BITS},
    "bias_gradient": {"grad": GRADIENT_BITS},
    "sgd": {"param": WEIGHT_BITS, "grad": ACTIVATION_BITS + GRADIENT_BITS},
}
"""Grids of the inputs as training has them."""


def on_grid(operator: Operator, case: Case) -> Case:
    """The case with its inputs rounded to the grids that they stand on in training."""
    bits = _INPUT_BITS.get(operator.name, {})
    named = zip(operator.input_names, case.inputs, strict=True)
    inputs = tuple(
        np.rint(np.ldexp(a, bits[name])) * 2.0 ** -bits[name] if name in bits else a
        for name, a in named
    )
    attributes = dict(case.attributes)
    if "lr" in attributes:
        attributes["lr"] = EXACT.nearest_lr(attributes["lr"])
    return replace(case, inputs=inputs, attributes=attributes)


def _bits(operator: Operator, case: Case) -> float:
    """Bits of significand that the products of a case need."""
    if operator.name == "dense":
        x, w, b = case.inputs
        return bits_needed(x, w, ACTIVATION_BITS, WEIGHT_BITS, b)
    if operator.name == "dense_backward":
        x, w, out, grad = case.inputs
        g = through_activation(out, grad, case.attributes["activation"])
        return max(
            bits_needed(x.T, g, ACTIVATION_BITS, GRADIENT_BITS),
            bits_needed(g, w.T, GRADIENT_BITS, WEIGHT_BITS),
        )
    return 0.0


def exact_cases(operator: Operator, cases: Iterable[Case]) -> Iterator[Case]:
    """Those of an operator's cases that are exact in any order, on their grids."""
    for case in cases:
        snapped = on_grid(operator, case)
        if _bits(operator, snapped) < SIGNIFICAND_BITS:
            yield snapped


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
        if name in computed and name != "loss" and not np.array_equal(computed[name], truth):
            row = _first_row(computed[name], truth)
            return f"{name} differs in row {row} of {len(truth)}"
    return None


def _first_row(computed: HostArray, truth: HostArray) -> int:
    return int(np.argwhere(computed != truth)[0][0])


def check_exact_operator(backend: Backend, operator: Operator, cases: Iterable[Case]) -> Check:
    """Run the backend's kernel of ``operator`` over cases until one is not equal to the last bit.

    The loss is left out: its logarithm is for people to read.
    """
    name = backend.computing_in(EXACT).kernel_for(operator).name
    count = 0
    for case in exact_cases(operator, cases):
        fault = _fault(backend, operator, case)
        if fault:
            detail = f"{operator.name}/{name}: {fault} ({case.note})"
            return Check(operator.name, "exact", False, detail)
        count += 1
    return Check(operator.name, "exact", True, f"{name}: {count} cases, equal bits")
