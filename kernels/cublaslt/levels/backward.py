"""Backward as two products a layer, with every mask and bias gradient in their epilogues."""

import inspect
from typing import Any

from kernels.cublaslt.plan import plan
from mnist_core.backends import takes_over
from mnist_core.network import Network

Array = Any

composed = inspect.unwrap(Network.backward)


@takes_over("backward", name="epilogues", precision="float32")
def backward(network: Any, x: Array, labels: Array) -> Array:
    """As composed, but ``gradients`` of hidden layers are those before their ReLU."""
    if 1 in (x.shape[0], *network.sizes[2:]):
        # Sums of one term: cuBLASLt has neither DRELU for them nor, before 12.3.4, BGRADA.
        return composed(network, x, labels)
    planned = plan(network, x.shape[0])
    batch, (weights, inputs) = planned.batch, planned.backward(network)
    logits, dlogits = batch.activations[-1], batch.gradients[-1]
    network.backend.softmax_cross_entropy(logits, labels, batch.losses, dlogits)
    for i in reversed(range(len(weights))):
        weights[i](batch.activations[i - 1] if i else x)
        if i:
            inputs[i - 1](batch.gradients[i])
    return batch.losses
