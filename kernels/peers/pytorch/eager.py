"""PyTorch as it comes: every operation is launched by itself."""

import torch

from kernels.peers.pytorch.training import Network, Tensor, Training, image_losses


class Eager(Training):
    """Gradients by ``autograd.grad``, one ``foreach`` call for the update of all parameters."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        for parameter in self.parameters:
            parameter.requires_grad_()

    def run(self, index: Tensor, lr: float, losses: Tensor) -> None:
        """One step."""
        found = image_losses(self.parameters, self.images, self.labels, index)
        gradients = torch.autograd.grad(found.mean(), self.parameters)
        with torch.no_grad():
            torch._foreach_add_(self.parameters, gradients, alpha=-lr)
            losses.copy_(found)
