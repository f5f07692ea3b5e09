"""Whole levels taken over and wrong: training itself must show it."""

from typing import Any

import numpy as np

from adversaries import Array, wrong_level
from mnist_core.network import Network

composed_forward, composed_backward = Network.forward.__wrapped__, Network.backward.__wrapped__
composed_step, composed_epoch = Network.step.__wrapped__, Network.epoch.__wrapped__


@wrong_level("forward", "forward", "logits are off by")
def shifted_logits(network: Network, x: Array) -> Array:
    # Loss and gradients do not see it.
    logits = composed_forward(network, x)
    logits += 1
    return logits


@wrong_level("backward", "gradients", "gradient of layer 0 bias is off by")
def bias_gradient_too_large(network: Network, *arguments: Any) -> Array:
    losses, bias = composed_backward(network, *arguments), network.layers[0].grad_bias
    bias *= np.float32(1.001)
    return losses


@wrong_level("backward", "gradients", "gradient of layer … is off by")
def gradient_of_the_sum(network: Network, x: Array, labels: Array) -> Array:
    losses = composed_backward(network, x, labels)
    network.gradient *= len(labels)
    return losses


@wrong_level("step", "step", "bias is")
def two_updates(network: Network, *arguments: Any) -> Array:
    losses = composed_step(network, *arguments)
    network.backend.sgd(network.parameters, network.gradient, lr=arguments[-1])
    return losses


@wrong_level("step", "step", "from the truth after")
def weight_decay(network: Network, *arguments: Any) -> Array:
    losses = composed_step(network, *arguments)
    network.parameters *= np.float32(1 - arguments[-1] * 1e-4)
    return losses


@wrong_level("step", "step", "from the truth after")
def rate_a_little_off(network: Network, *arguments: Any) -> Array:
    *rest, lr = arguments
    return composed_step(network, *rest, lr * (1 + 1e-4))


@wrong_level("step", "step", "from the truth after")
def gradient_clipped(network: Network, *arguments: Any) -> Array:
    losses = composed_step(network, *arguments)
    limit = np.float32(np.abs(network.gradient).max() * 0.9)
    clipped = np.clip(network.gradient, -limit, limit)
    network.parameters += np.float32(arguments[-1]) * (network.gradient - clipped)
    return losses


@wrong_level("step", "step", "the loss is")
def other_loss(network: Network, *arguments: Any) -> Array:
    return composed_step(network, *arguments) * np.float32(1.01)


@wrong_level("step", "step", "step raised MemoryError: no memory")
def raising_step(network: Network, *arguments: Any) -> Array:
    raise MemoryError("no\nmemory")


@wrong_level("epoch", "epoch", "from the truth after")
def partial_batch_forgotten(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    whole = order[: len(order) // batch * batch]
    return composed_epoch(network, images, labels, whole, batch, lr)


@wrong_level("epoch", "epoch", "the loss is")
def losses_in_wrong_order(network, images, labels, order, batch, lr):
    losses = composed_epoch(network, images, labels, order, batch, lr)
    return losses[::-1]


@wrong_level("epoch", "epoch", "from the truth after")
def own_order(network: Network, images: Array, labels: Array, order: Array, *rest: Any) -> Array:
    return composed_epoch(network, images, labels, np.sort(order), *rest)


noise = np.random.RandomState(0)


@wrong_level("step", "deterministic", "training twice gave different bits")
def last_bit_at_random(network: Network, *arguments: Any) -> Array:
    losses, weight = composed_step(network, *arguments), network.layers[0].weight
    weight[0, 0] = np.nextafter(weight[0, 0], np.float32(noise.choice([-1, 1])))
    return losses
