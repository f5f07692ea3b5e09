"""Input values that the operators draw from: signed, spiked, ragged, exactly summable."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from mnist_core.operators.operator import HostArray

PRODUCT_SHAPES = (
    (1, 1, 1),
    (1, 784, 10),
    (2, 3, 5),
    (7, 13, 17),
    (31, 65, 33),
    (97, 784, 128),
    (128, 128, 64),
    (129, 64, 10),
    (3, 5000, 2),
    (4099, 5, 3),
    (33, 64, 64),
    (64, 64, 64),
)
"""(batch, n_in, n_out): one, primes, one off a tile, long sums in each direction, squares.

Where sizes are equal, an array that is transposed or mistaken for another still fits.
"""

BATCHES = (1, 2, 7, 97, 128, 1000)


def normal(rng: np.random.RandomState, *shape: int) -> HostArray:
    """Standard normal float64 values."""
    return np.asarray(rng.standard_normal(shape))


def positive(rng: np.random.RandomState, *shape: int) -> HostArray:
    """Values in [0, 1): sums of them grow, which is the hard case for a long accumulation."""
    return np.asarray(rng.random_sample(shape))


def heavy_tailed(rng: np.random.RandomState, *shape: int) -> HostArray:
    """Normal values of which one in ten is a hundred times larger."""
    spikes = np.where(rng.random_sample(shape) < 0.1, 100.0, 1.0)
    return normal(rng, *shape) * spikes


def ternary(rng: np.random.RandomState, length: int, *shape: int) -> HostArray:
    """Values in {-1, 0, 1}, sparse enough that ``length`` of them times 12 bits stay below 2**24.

    Together with `integers` they make the integer probe: every partial sum is a float32 integer,
    so any order of summation must give equal results, and operands cut to 11 or 8 bits must not.
    """
    density = min(2 / 3, 2000 / length)
    signs = rng.choice([-1.0, 1.0], size=shape)
    return np.where(rng.random_sample(shape) < density, signs, 0.0)


def integers(rng: np.random.RandomState, *shape: int) -> HostArray:
    """Odd integers of 13 bits, signed: no shorter significand holds them."""
    return np.asarray(rng.choice([-1, 1], size=shape) * (2 * rng.randint(0, 4096, shape) + 1.0))


def logits(rng: np.random.RandomState, batch: int, classes: int) -> Iterator[tuple[str, HostArray]]:
    """Logits with a note each: ordinary, spiked, saturated, huge, all equal."""
    ordinary = normal(rng, batch, classes)
    spiked = ordinary.copy()
    spiked[np.arange(batch), rng.randint(0, classes, batch)] += rng.choice([-80.0, 80.0], batch)
    yield "ordinary logits", ordinary
    yield "one logit of each row at ±80", spiked
    yield "saturated softmax", ordinary * 30
    yield "logits up to ±1e4", ordinary * 1e4 / max(1.0, float(np.abs(ordinary).max()))
    yield "all logits equal", np.full((batch, classes), 3.25)


def labels(rng: np.random.RandomState, batch: int, classes: int) -> HostArray:
    """Labels that hold both ends of the range wherever the batch has room."""
    drawn = rng.randint(0, classes, batch)
    drawn[0], drawn[-1] = classes - 1, 0
    return np.asarray(drawn, dtype=np.int64)


def batch_note(batch: int) -> str:
    """What a wrong kernel most likely overlooked about this batch."""
    notes = {1: "batch 1", 97: "batch 97 is the last partial batch"}
    return notes.get(batch, f"batch {batch}")


def layer_shapes(sizes: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """(n_in, n_out, activation) of each layer: ReLU but for the last, which is linear."""
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        yield n_in, n_out, "linear" if i == len(sizes) - 2 else "relu"
