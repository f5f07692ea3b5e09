"""A network's own arrays as tensors, and the loss of a batch: what all ways have in common."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from kernels.peers.pytorch.threads import limit_threads
from mnist_core.network import Network
from mnist_core.operators.gather_batch import PIXEL_MAX

Array = Any
Tensor = torch.Tensor

# Full float32 products: on a GPU nothing may be cut to TF32.
torch.set_float32_matmul_precision("highest")
limit_threads()


class Slot(NamedTuple):
    """Indices of a batch (n,) int64 and losses (n,), each as array and tensor of one memory."""

    index_array: Array
    losses_array: Array
    index: Tensor
    losses: Tensor


class Training:
    """One network in training; tensors are views, by DLPack, of the arrays of NumPy or CuPy.

    ``parameters`` are weight (in, out) and bias (out,) of each layer, ``images`` (n, features)
    uint8 and ``labels`` (n,) int64. What PyTorch writes into parameters, the network has.
    """

    images: Tensor
    labels: Tensor

    def __init__(self, network: Network) -> None:
        arrays = [array for layer in network.layers for array in (layer.weight, layer.bias)]
        self.parameters = [torch.from_dlpack(array) for array in arrays]
        self._space = network.backend.space
        self._dtype = network.precision.dtype
        self._slots: dict[int, Slot] = {}
        self._seen: tuple[Array, Array] | None = None

    def see(self, images: Array, labels: Array) -> bool:
        """Train on these arrays from now on; whether they are others than before."""
        if self._seen and self._seen[0] is images and self._seen[1] is labels:
            return False
        self._seen = images, labels
        self.images, self.labels = torch.from_dlpack(images), torch.from_dlpack(labels)
        return True

    def slot(self, n: int) -> Slot:
        """Where a batch of n images is asked for: the same memory each time."""
        if n not in self._slots:
            empty = self._space.empty
            arrays = empty((n,), "int64"), empty((n,), self._dtype)
            self._slots[n] = Slot(*arrays, *map(torch.from_dlpack, arrays))
        return self._slots[n]

    def run(self, index: Tensor, lr: float, losses: Tensor) -> None:
        """One step on the images ``index``, whose losses before it are written to ``losses``."""
        raise NotImplementedError


def image_losses(
    parameters: Sequence[Tensor], images: Tensor, labels: Tensor, index: Tensor
) -> Tensor:
    """Loss of each of the images ``index``, (n,)."""
    x = images.index_select(0, index).to(parameters[0].dtype).div_(PIXEL_MAX)
    *hidden, (weight, bias) = zip(parameters[::2], parameters[1::2], strict=True)
    for w, b in hidden:
        x = torch.addmm(b, x, w).relu_()
    logits = torch.addmm(bias, x, weight)
    return F.cross_entropy(logits, labels.index_select(0, index), reduction="none")
