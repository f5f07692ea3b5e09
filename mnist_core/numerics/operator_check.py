"""A kernel against its operator's reference, on the operator's own inputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_core.arrays import Space
from mnist_core.backends import Backend, Kernel
from mnist_core.errors import described
from mnist_core.numerics.check import Check
from mnist_core.numerics.errors import Comparison, compare
from mnist_core.operators import Array, Case, HostArray, Operator
from mnist_core.precision import Precision


def _poisoned(space: Space, like: HostArray, dtype: Any) -> Array:
    """Output array that no kernel can leave as it is: NaN, or -1 for integers."""
    return space.to_device(np.full(like.shape, np.nan if dtype.kind == "f" else -1, dtype))


def run_case(
    kernel: Kernel, space: Space, case: Case, own: Iterable[HostArray], dtype: str
) -> tuple[dict[str, HostArray], str | None]:
    """Outputs of a kernel on the host, and how it broke its contract if it did."""
    operator, host = kernel.operator, case.rounded(dtype)
    inputs = dict(zip(operator.input_names, map(space.to_device, host), strict=True))
    outputs: dict[str, Array] = {}
    for name, like in zip(operator.outputs, own, strict=True):
        if name in case.skip:
            outputs[name] = None
        elif name not in inputs:
            outputs[name] = _poisoned(space, like, like.dtype)
    returned = kernel.bind(space)(*inputs.values(), *outputs.values(), **case.attributes)
    space.synchronize()

    fault = None
    for name, before in zip(operator.input_names, host, strict=True):
        if name in operator.outputs:
            outputs[name] = inputs[name]
        elif not np.array_equal(space.to_host(inputs[name]), before):
            fault = f"changed its input {name}"
    filled = {k: space.to_host(v) for k, v in outputs.items() if v is not None}
    unfilled = [k for k, v in filled.items() if v.dtype.kind == "f" and np.isnan(v).all()]
    if unfilled and returned is not None:
        fault = f"returned a value, but did not fill {unfilled[0]}: write into it"
    return filled, fault


def _numpy_own(operator: Operator, case: Case, precision: Precision) -> list[HostArray]:
    dtype = precision.dtype
    inputs = [
        precision.factors(array)[0] if name in operator.factors else array
        for name, array in zip(operator.input_names, case.rounded(dtype), strict=True)
    ]
    outputs = operator.reference(*inputs, **case.attributes)
    return [out.astype(dtype) if out.dtype.kind == "f" else out for out in outputs]


@dataclass(frozen=True)
class Verdict:
    """One case judged: its worst error ratio, the element that has it, and what is wrong."""

    error_ratio: float
    worst: str | None = None
    wrong: str | None = None


def judge(backend: Backend, operator: Operator, case: Case, precision: Precision) -> Verdict:
    """Compare the outputs of the backend's kernel with the truth, one case."""
    # The truth belongs to the inputs as the kernel sees them, rounded to its precision.
    wide = tuple(
        a.astype(precision.reference) if a.dtype.kind == "f" else a
        for a in case.rounded(precision.dtype)
    )
    own = _numpy_own(operator, case, precision)
    kernel = backend.computing_in(precision).kernel_for(operator)
    computed, fault = run_case(kernel, backend.space, case, own, precision.dtype)
    if fault:
        return Verdict(np.inf, wrong=f"{fault} ({case.note})")
    truths = operator.reference(*wide, **case.attributes)
    scales = operator.scale(*wide, **case.attributes)
    may_round = precision.factor_bits is not None and operator.factors
    verdicts = [Verdict(0.0)]
    for i, name in enumerate(operator.outputs):
        if name in case.skip:
            continue
        comparison = compare(
            computed[name],
            truths[i],
            own[i],
            scales[i],
            reduction=operator.reduction(*wide)[i],
            roundoff=precision.roundoff,
            equal=(case.exact and not may_round) or name in operator.equal,
        )
        wrong = None if comparison.passed else _wrong(name, computed[name], comparison, case)
        element = f"{operator.name} {name}[{', '.join(map(str, comparison.element))}], {case.note}"
        verdicts.append(Verdict(comparison.error_ratio, element, wrong))
    refused = [verdict for verdict in verdicts if verdict.wrong]
    return refused[0] if refused else max(verdicts, key=lambda verdict: verdict.error_ratio)


def _wrong(output: str, computed: HostArray, comparison: Comparison, case: Case) -> str:
    row = f"row {comparison.element[0]} of {len(computed)}"
    if not np.isfinite(computed).all():
        return f"{output} has NaN or infinity in {row} ({case.note})"
    return (
        f"{output} differs from the reference in {row} "
        f"(error {comparison.error:.1e}, allowed {comparison.allowed:.1e}; {case.note})"
    )


def check_operator(
    backend: Backend, operator: Operator, precision: Precision, cases: Iterable[Case]
) -> Check:
    """Run the backend's kernel of ``operator`` over cases until one fails."""
    kernel = backend.computing_in(precision).kernel_for(operator).name
    worst, count = Verdict(0.0), 0
    for case in cases:
        try:
            verdict = judge(backend, operator, case, precision)
        except Exception as error:
            verdict = Verdict(np.inf, wrong=f"raised {described(error)}; {case.note}")
        if verdict.wrong:
            detail = f"{operator.name}/{kernel}: {verdict.wrong}"
            ratio, element = verdict.error_ratio, verdict.worst
            return Check(operator.name, "operator", False, detail, ratio, element)
        worst, count = max(worst, verdict, key=lambda verdict: verdict.error_ratio), count + 1
    detail = f"{kernel}: {count} cases"
    return Check(operator.name, "operator", True, detail, worst.error_ratio, worst.worst)
