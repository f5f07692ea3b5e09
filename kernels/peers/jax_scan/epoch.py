"""An epoch as one jitted ``lax.scan`` over its batches.

JAX's arrays cannot be written to, so it trains a copy of the parameters, which is given to it
(donated) and copied back at the end: two copies an epoch of what a step reads several times. Images
and labels stay where they are. On the CPU it has as many threads as NPROC says when it is first
used, or as there are processors; it cannot be told another number later.
"""

import os
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

# Read when JAX is first used; it would else take most of the GPU's memory, with CuPy beside it.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp

from mnist_core.backends import takes_over
from mnist_core.network import Network
from mnist_core.operators.gather_batch import PIXEL_MAX

Array = Any
Parameters = list[tuple[jax.Array, jax.Array]]

jax.config.update("jax_enable_x64", True)  # labels and order are int64, and float64 is a precision
jax.config.update("jax_default_matmul_precision", "highest")  # no TF32

_data: WeakKeyDictionary[Network, tuple[Array, Array, jax.Array, jax.Array]] = WeakKeyDictionary()


def _mean_loss(
    parameters: Parameters, x: jax.Array, labels: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean of the images' losses, and the losses (n,)."""
    *hidden, (weight, bias) = parameters
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    logits = x @ weight + bias
    picked = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    losses = jax.nn.logsumexp(logits, axis=1) - picked
    return losses.mean(), losses


@partial(jax.jit, static_argnames="batch", donate_argnames="parameters")
def _train(
    parameters: Parameters,
    images: jax.Array,
    labels: jax.Array,
    order: jax.Array,
    lr: float,
    *,
    batch: int,
) -> tuple[Parameters, jax.Array]:
    """Parameters after an epoch, and the losses of its images in their order."""

    def step(parameters: Parameters, index: jax.Array) -> tuple[Parameters, jax.Array]:
        x = images[index].astype(parameters[0][0].dtype) / PIXEL_MAX
        gradients, losses = jax.grad(_mean_loss, has_aux=True)(parameters, x, labels[index])
        return jax.tree.map(lambda p, g: p - lr * g, parameters, gradients), losses

    full = len(order) // batch * batch
    parameters, stacked = jax.lax.scan(step, parameters, order[:full].reshape(-1, batch))
    losses = stacked.reshape(-1)
    if full < len(order):
        parameters, last = step(parameters, order[full:])
        losses = jnp.concatenate([losses, last])
    return parameters, losses


def _images_and_labels(network: Network, images: Array, labels: Array) -> Any:
    found = _data.get(network)
    if found is None or found[0] is not images or found[1] is not labels:
        found = images, labels, jnp.from_dlpack(images), jnp.from_dlpack(labels)
        _data[network] = found
    return found[2:]


@takes_over("epoch", name="scan")
def epoch(
    network: Network, images: Array, labels: Array, order: Array, batch: int, lr: float
) -> Array:
    space = network.backend.space
    # JAX has streams of its own: what it reads must be there, and what it makes too, below.
    space.synchronize()
    parameters = [
        (jnp.from_dlpack(layer.weight).copy(), jnp.from_dlpack(layer.bias).copy())
        for layer in network.layers
    ]
    data = _images_and_labels(network, images, labels)
    trained = _train(parameters, *data, jnp.from_dlpack(order), lr, batch=batch)
    parameters, found = jax.block_until_ready(trained)
    for layer, (weight, bias) in zip(network.layers, parameters, strict=True):
        layer.weight[...] = space.xp.from_dlpack(weight)
        layer.bias[...] = space.xp.from_dlpack(bias)
    losses = network.losses(order.shape[0])
    losses[...] = space.xp.from_dlpack(found)
    return losses
