"""The yardstick: a training loop with nothing around it, as one writes it for oneself."""

from typing import Any

import numpy as np

from mnist_core.backends import takes_over

Array = Any


@takes_over("epoch", name="bare_loop")
def epoch(network: Any, images: Array, labels: Array, order: Array, batch: int, lr: float) -> Array:
    weights = [layer.weight for layer in network.layers]
    biases = [layer.bias for layer in network.layers]
    losses = network.losses(len(order))
    for start in range(0, len(order), batch):
        index = order[start : start + batch]
        x = images[index].astype(weights[0].dtype) / 255
        y = labels[index]
        rows = np.arange(len(index))

        activations = [x]
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            x = np.maximum(x @ w + b, 0)
            activations.append(x)
        logits = x @ weights[-1] + biases[-1]

        logits -= logits.max(axis=1, keepdims=True)
        e = np.exp(logits)
        total = e.sum(axis=1, keepdims=True)
        losses[start : start + len(index)] = np.log(total[:, 0]) - logits[rows, y]
        grad = e / total
        grad[rows, y] -= 1
        grad /= len(index)

        for i in reversed(range(len(weights))):
            a = activations[i]
            dw, db = a.T @ grad, grad.sum(axis=0)
            if i:
                grad = (grad @ weights[i].T) * (a > 0)
            weights[i] -= lr * dw
            biases[i] -= lr * db
    return losses
