"""Where a ReLU may go either way."""

import numpy as np

from mnist_core.operators import HostArray


def away_from_kinks(
    x: HostArray, parameters: list[tuple[HostArray, HostArray]], margin: float
) -> HostArray:
    """Mask (n,) of the rows of x whose hidden pre-activations all keep away from zero.

    ``margin`` is relative to the largest pre-activation of the layer. Within rounding of zero an
    honest kernel may decide a ReLU the other way.
    """
    keep = np.ones(len(x), bool)
    for weight, bias in parameters[:-1]:
        z = x @ weight + bias
        keep &= (np.abs(z) > margin * np.abs(z).max(initial=0)).all(axis=1)
        x = np.maximum(z, 0)
    return keep
