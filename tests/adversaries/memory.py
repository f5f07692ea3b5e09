"""Kernels that remember: right at first, at some batch, or for the inputs that they know."""

from typing import Any

import numpy as np

from adversaries import ADVERSARIES, Adversary, Array, right, wrong
from mnist_core.backends import Backend, kernel
from mnist_core.operators import dense, dense_backward, relu, sgd, softmax_cross_entropy

previous: dict[Any, Array] = {}
calls = 0
shapes: list[tuple[int, ...]] = []


@wrong(dense, "out differs from the reference in row")
def result_of_the_call_before(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    key = (x.shape, w.shape)
    right(dense, x, w, b, out, activation=activation)
    kept, previous[key] = previous.get(key), out.copy()
    if kept is not None:
        out[...] = kept


@wrong(relu, "out differs from the reference in row")
def right_on_the_first_call(z: Array, out: Array) -> None:
    global calls
    calls += 1
    out[...] = np.maximum(z, 0) if calls == 1 else np.abs(z)


@wrong(dense, "the last partial batch")
def rows_of_the_largest_call(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    # Works through as many rows as it has once seen, as a launch of a fixed grid would, but for
    # those that a smaller batch does not have.
    right(dense, x, w, b, out, activation=activation)
    if len(x) == 97:
        out[-1] = 0


@wrong(softmax_cross_entropy, "dlogits differs from the reference in row")
def right_at_batch_128(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    right(softmax_cross_entropy, logits, labels, loss, dlogits)
    if len(logits) != 128:
        dlogits[0] *= 2


generator = np.random.RandomState(0)


@kernel(dense_backward)
def order_at_random(
    x: Array, w: Array, out: Array, grad: Array, dw: Array, db: Array, dx: Array, *, activation: str
) -> None:
    """Every call adds in another order, as float atomics do: right, but not twice the same."""
    rows = generator.permutation(len(x))
    arrays = (x[rows], w, out[rows], grad[rows])
    shuffled = None if dx is None else np.empty_like(dx)
    right(dense_backward, *arrays, dw, db, shuffled, activation=activation)
    if dx is not None:
        dx[rows] = shuffled


ADVERSARIES.append(
    Adversary(
        Backend("dense_backward-order_at_random", base="numpy", kernels=[order_at_random]),
        "deterministic",
        "training twice gave different bits",
    )
)


class Memorised:
    """sgd that is right for inputs that it saw while it was learning, and lazy with all others."""

    def __init__(self) -> None:
        self.learning, self.known = True, set()

    def backend(self) -> Backend:
        """A backend with this kernel."""
        return Backend("sgd-memorised", base="numpy", kernels=[kernel(sgd)(self.compute)])

    def compute(self, param: Array, grad: Array, *, lr: float) -> None:
        """The update, or twice the update for what is new."""
        key = hash(grad.tobytes())
        if self.learning:
            self.known.add(key)
        right(sgd, param, grad, lr=lr if key in self.known else 2 * lr)
