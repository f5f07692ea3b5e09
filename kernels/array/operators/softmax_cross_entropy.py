"""softmax_cross_entropy with a one-hot matrix, since not every namespace can scatter."""

from collections.abc import Callable
from typing import Any

from kernels.array.operators.softmax import exact_normalise, normalise, shift
from kernels.array.sums import row_sums
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


def onehot(space: Space, labels: Array, like: Array) -> Array:
    """Rows of the identity matrix, one for each label, in the shape and dtype of ``like``."""
    classes = like.shape[1]
    identity = space.constant(
        ("identity", classes, like.dtype), lambda: space.xp.eye(classes, dtype=like.dtype)
    )
    out = space.scratch_like("onehot", like)
    space.take_rows(identity, labels, out)
    return out


def _loss_and_gradient(
    space: Space,
    normalise: Callable[[Space, Array, Array], Array],
    logits: Array,
    labels: Array,
    loss: Array,
    dlogits: Array,
) -> None:
    """Loss of each row; dlogits = softmax less one-hot, the gradient of their sum."""
    xp = space.xp
    shifted = space.scratch_like("shifted", logits)
    picked = space.scratch_column("picked", logits)
    losses = loss[:, None]
    truth = onehot(space, labels, logits)
    shift(space, logits, shifted)
    xp.multiply(shifted, truth, out=dlogits)
    row_sums(space, dlogits, picked)
    total = normalise(space, shifted, dlogits)
    xp.log(total, out=losses)
    xp.subtract(losses, picked, out=losses)
    xp.subtract(dlogits, truth, out=dlogits)


@array_kernel(operators.softmax_cross_entropy)
def softmax_cross_entropy(
    space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array
) -> None:
    _loss_and_gradient(space, normalise, logits, labels, loss, dlogits)
    space.xp.divide(dlogits, logits.shape[0], out=dlogits)


@array_kernel(operators.softmax_cross_entropy, name="exact", precision="exact")
def exact_softmax_cross_entropy(
    space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array
) -> None:
    _loss_and_gradient(space, exact_normalise, logits, labels, loss, dlogits)
