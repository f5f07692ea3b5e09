"""A kernel against its operator's reference, on the operator's own inputs."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mnist_core.arrays import Space
from mnist_core.backends import Backend
from mnist_core.errors import described
from mnist_core.numerics.check import Check
from mnist_core.numerics.errors import Comparison, compare
from mnist_core.operators import Array, Case, HostArray, Operator
from mnist_core.precision import Precision


def _poisoned(space: Space, like: HostArray, dtype: Any) -> Array:
    """Output array that no kernel can leave as it is: NaN, or -1 for integers."""
    return space.to_device(np.full(like.shape, np.nan if dtype.kind == "f" else -1, dtype))


def run_case(
    backend: Backend, operator: Operator, case: Case, own: Iterable[HostArray], dtype: str
) -> tuple[dict[str, HostArray], str | None]:
    """Outputs of the backend's kernel on the host, and how it broke its contract if it did."""
    space, host = backend.space, case.rounded(dtype)
    inputs = dict(zip(operator.input_names, map(space.to_device, host), strict=True))
    outputs: dict[str, Array] = {}
    for name, like in zip(operator.outputs, own, strict=True):
        if name in case.skip:
            outputs[name] = None
        elif name not in inputs:
            outputs[name] = _poisoned(space, like, like.dtype)
    returned = getattr(backend, operator.name)(
        *inputs.values(), *outputs.values(), **case.attributes
    )
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


def _numpy_own(operator: Operator, case: Case, dtype: str) -> list[HostArray]:
    outputs = operator.reference(*case.rounded(dtype), **case.attributes)
    return [out.astype(dtype) if out.dtype.kind == "f" else out for out in outputs]


def judge(
    backend: Backend, operator: Operator, case: Case, precision: Precision
) -> tuple[float, str | None]:
    """Worst error ratio of one case, and what is wrong with it if anything is."""
    # The truth belongs to the inputs as the kernel sees them, rounded to its precision.
    wide = tuple(
        a.astype(precision.reference) if a.dtype.kind == "f" else a
        for a in case.rounded(precision.dtype)
    )
    own = _numpy_own(operator, case, precision.dtype)
    computed, fault = run_case(backend, operator, case, own, precision.dtype)
    if fault:
        return np.inf, f"{fault} ({case.note})"
    truths = operator.reference(*wide, **case.attributes)
    scales = operator.scale(*wide, **case.attributes)
    worst = 0.0
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
            equal=case.exact or name in operator.equal,
        )
        if not comparison.passed:
            return comparison.error_ratio, _describe(name, computed[name], comparison, case)
        worst = max(worst, comparison.error_ratio)
    return worst, None


def _describe(output: str, computed: HostArray, comparison: Comparison, case: Case) -> str:
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
    kernel = backend.kernel_for(operator).name
    worst, count = 0.0, 0
    for case in cases:
        try:
            ratio, wrong = judge(backend, operator, case, precision)
        except Exception as error:
            ratio, wrong = np.inf, f"raised {described(error)}; {case.note}"
        if wrong:
            detail = f"{operator.name}/{kernel}: {wrong}"
            return Check(operator.name, "operator", False, detail, ratio)
        worst, count = max(worst, ratio), count + 1
    return Check(operator.name, "operator", True, f"{kernel}: {count} cases", worst)
