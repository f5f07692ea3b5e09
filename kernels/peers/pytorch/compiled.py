"""PyTorch compiled: a step is one graph, from the gather to the update."""

from collections.abc import Callable
from functools import cache

import torch
import torch._dynamo

from kernels.peers.pytorch.training import Tensor, Training, image_losses

_GRAPHS = 1000
"""Batch sizes, networks and learning rates that may each have a graph; the default is 8."""


def _step(
    parameters: list[Tensor],
    images: Tensor,
    labels: Tensor,
    index: Tensor,
    lr: float,
    losses: Tensor,
) -> None:
    def mean_loss(parameters: list[Tensor]) -> tuple[Tensor, Tensor]:
        found = image_losses(parameters, images, labels, index)
        return found.mean(), found

    # Unlike autograd.grad it can be compiled together with what comes before and after.
    gradients, found = torch.func.grad(mean_loss, has_aux=True)(parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.sub_(gradient, alpha=lr)
    losses.copy_(found)


@cache
def _compiled() -> Callable[..., None]:
    torch._dynamo.config.recompile_limit = _GRAPHS
    torch._dynamo.config.accumulated_recompile_limit = _GRAPHS
    # Sizes are constants of the code: the last, partial batch has a graph of its own.
    return torch.compile(_step, fullgraph=True, dynamic=False)


class Compiled(Training):
    """The whole step through ``torch.compile`` in its default mode."""

    def run(self, index: Tensor, lr: float, losses: Tensor) -> None:
        """One step."""
        _compiled()(self.parameters, self.images, self.labels, index, lr, losses)
