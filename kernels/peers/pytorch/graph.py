"""PyTorch in a CUDA graph: an eager step is captured once for each batch size, then replayed.

https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture, with the update.
"""

from typing import Any

import torch

from kernels.peers.pytorch.eager import Eager
from kernels.peers.pytorch.training import Array, Network, Slot, Tensor

_WARM_STEPS = 3


class Graph(Eager):
    """A graph for each batch size and learning rate; it reads and writes that size's slot."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._graphs: dict[tuple[int, float], Any] = {}

    def see(self, images: Array, labels: Array) -> bool:
        """Train on these arrays from now on; graphs hold the addresses of those before."""
        changed = super().see(images, labels)
        if changed:
            self._graphs.clear()
        return changed

    def run(self, index: Tensor, lr: float, losses: Tensor) -> None:
        """One step."""
        slot = self.slot(len(index))
        if index is not slot.index:
            slot.index.copy_(index)
        graph = self._graphs.get((len(index), lr))
        if graph is None:
            graph = self._graphs[len(index), lr] = self._capture(slot, lr)
        graph.replay()
        if losses is not slot.losses:
            losses.copy_(slot.losses)

    def _capture(self, slot: Slot, lr: float) -> Any:
        # What is captured must have run before, on a stream of its own; that trains, and is undone.
        before = [parameter.detach().clone() for parameter in self.parameters]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_STEPS):
                super().run(slot.index, lr, slot.losses)
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, before)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            super().run(slot.index, lr, slot.losses)
        return graph
