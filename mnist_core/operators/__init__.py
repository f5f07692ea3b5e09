"""The vocabulary: what a training step computes, one file an operator."""

from mnist_core.operators.bias_gradient import bias_gradient
from mnist_core.operators.dense import dense
from mnist_core.operators.dense_backward import dense_backward
from mnist_core.operators.gather_batch import gather_batch
from mnist_core.operators.operator import Array, Case, HostArray, Operator
from mnist_core.operators.relu import relu, relu_backward
from mnist_core.operators.sgd import sgd
from mnist_core.operators.softmax import softmax
from mnist_core.operators.softmax_cross_entropy import softmax_cross_entropy

BUILTIN = (
    gather_batch,
    dense,
    relu,
    softmax,
    softmax_cross_entropy,
    dense_backward,
    relu_backward,
    bias_gradient,
    sgd,
)
"""In the order in which a training step meets them."""

__all__ = [
    "BUILTIN",
    "Array",
    "Case",
    "HostArray",
    "Operator",
    "bias_gradient",
    "dense",
    "dense_backward",
    "gather_batch",
    "relu",
    "relu_backward",
    "sgd",
    "softmax",
    "softmax_cross_entropy",
]
