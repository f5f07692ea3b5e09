"""Every parameter's gradient, against the reference; and the reference against differences."""

from collections.abc import Sequence

import numpy as np

from mnist_core.backends import Backend
from mnist_core.errors import NetworkError
from mnist_core.network import Network, initial_parameters
from mnist_core.numerics.check import Check, raising_fails
from mnist_core.numerics.errors import bound, distance, error_ratio
from mnist_core.numerics.kinks import away_from_kinks
from mnist_core.numerics.reference import REFERENCE, own, wider
from mnist_core.operators import HostArray
from mnist_core.precision import FLOAT64, Precision

_KINK_MARGIN = 1e-4
_DRAWS = 50
_DIFFERENCE_STEP = 1e-6
_DIFFERENCE_TOLERANCE = 1e-6


def sample(
    sizes: Sequence[int], batch: int, precision: Precision, seed: int
) -> tuple[HostArray, HostArray, list[tuple[HostArray, HostArray]]]:
    """Signed inputs (at most ``batch`` rows), labels and parameters, rounded to the precision."""
    rng = np.random.RandomState([seed, 2])
    drawn = initial_parameters(sizes, seed)
    biased = [(w, rng.standard_normal(b.shape) * 0.1) for w, b in drawn]
    parameters = [
        (w.astype(precision.dtype).astype(np.float64), b.astype(precision.dtype).astype(np.float64))
        for w, b in biased
    ]
    x = np.empty((0, sizes[0]))
    for _ in range(_DRAWS):
        drawn_x = rng.standard_normal((batch + 8, sizes[0])).astype(precision.dtype)
        fresh = drawn_x.astype(np.float64)
        x = np.concatenate([x, fresh[away_from_kinks(fresh, parameters, _KINK_MARGIN)]])[:batch]
        if len(x) == batch:
            break
    if not len(x):
        raise NetworkError("every row drawn is near a ReLU's kink; the network is too large")
    return x, rng.randint(0, sizes[-1], len(x)).astype(np.int64), parameters


def _gradients(
    backend: Backend,
    sizes: Sequence[int],
    dtype: Precision,
    x: HostArray,
    labels: HostArray,
    parameters: list[tuple[HostArray, HostArray]],
) -> list[HostArray]:
    network = Network(sizes, backend, precision=dtype, initial=parameters)
    to_device = backend.space.to_device
    device_x = to_device(x.astype(dtype.dtype))
    network.forward(device_x)
    network.backward(device_x, to_device(labels))
    return [g for pair in network.get_gradients() for g in pair]


@raising_fails("forward", "gradient")
def check_forward(
    backend: Backend, sizes: Sequence[int], batch: int, precision: Precision, seed: int
) -> Check:
    """Logits that the backend's forward returns against the reference in wider precision."""
    x, _, parameters = sample(sizes, batch, precision, seed)
    truth, numpys, computed = (
        _logits(which, sizes, dtype, x, parameters)
        for which, dtype in (
            (REFERENCE, wider(precision)),
            (own(precision), precision),
            (backend, precision),
        )
    )
    error, own_error = distance(computed, truth), distance(numpys, truth)
    allowed = bound(own_error, precision.roundoff, max(sizes) * (len(sizes) - 1), truth.size)
    ratio = error_ratio(error, own_error, precision.roundoff)
    if not error <= allowed:
        detail = f"logits are off by {error:.1e} (allowed {allowed:.1e}, batch {len(x)})"
        return Check("forward", "gradient", False, detail, ratio)
    return Check("forward", "gradient", True, f"logits, batch {len(x)}", ratio)


def _logits(
    backend: Backend,
    sizes: Sequence[int],
    dtype: Precision,
    x: HostArray,
    parameters: list[tuple[HostArray, HostArray]],
) -> HostArray:
    network = Network(sizes, backend, precision=dtype, initial=parameters)
    space = backend.space
    return space.to_host(network.forward(space.to_device(x.astype(dtype.dtype))))


@raising_fails("gradients", "gradient")
def check_gradients(
    backend: Backend, sizes: Sequence[int], batch: int, precision: Precision, seed: int
) -> Check:
    """Gradients by the backend's forward and backward against the reference in wider precision."""
    x, labels, parameters = sample(sizes, batch, precision, seed)
    arguments = (x, labels, parameters)
    truths = _gradients(REFERENCE, sizes, wider(precision), *arguments)
    owns = _gradients(own(precision), sizes, precision, *arguments)
    computed = _gradients(backend, sizes, precision, *arguments)
    worst = 0.0
    longest = max(len(x), *sizes) * (len(sizes) - 1)
    for i, (g, numpys, truth) in enumerate(zip(computed, owns, truths, strict=True)):
        name = f"layer {i // 2} {('weight', 'bias')[i % 2]}"
        error, own_error = distance(g, truth), distance(numpys, truth)
        allowed = bound(own_error, precision.roundoff, longest, truth.size)
        ratio = error_ratio(error, own_error, precision.roundoff)
        if not error <= allowed:
            detail = (
                f"gradient of {name} is off by {error:.1e} (allowed {allowed:.1e}, batch {len(x)})"
            )
            return Check("gradients", "gradient", False, detail, ratio)
        worst = max(worst, ratio)
    return Check("gradients", "gradient", True, f"{len(truths)} parameters, batch {len(x)}", worst)


@raising_fails("differences", "gradient")
def check_differences(seed: int, sizes: Sequence[int] = (11, 7, 5, 4)) -> Check:
    """The reference's gradients against central differences in float64, on a small network.

    (f(p + h) - f(p - h)) / 2h differs from f'(p) by O(h^2) and by roundoff over h.
    """
    x, labels, parameters = sample(sizes, 16, FLOAT64, seed)
    gradients = _gradients(REFERENCE, sizes, FLOAT64, x, labels, parameters)
    network = Network(sizes, REFERENCE, precision=FLOAT64, initial=parameters)

    def loss() -> float:
        network.set_parameters(parameters)
        network.forward(x)
        return float(network.backward(x, labels).mean())

    worst = 0.0
    flat = [p for pair in parameters for p in pair]
    for parameter, gradient in zip(flat, gradients, strict=True):
        for element in np.ndindex(parameter.shape):
            kept, difference = parameter[element], 0.0
            for sign in (1, -1):
                parameter[element] = kept + sign * _DIFFERENCE_STEP
                difference += sign * loss() / (2 * _DIFFERENCE_STEP)
            parameter[element] = kept
            worst = max(worst, abs(float(difference - gradient[element])))
    passed = worst <= _DIFFERENCE_TOLERANCE
    detail = f"reference within {worst:.1e} of central differences"
    return Check("differences", "gradient", passed, detail)
