"""CUDA graphs on the CPU: the operations of a capture are recorded, a replay computes them again.

As on a GPU, a replay reads and writes the memory that was captured, and a capture computes nothing
that lasts: what it wrote before `Capture.__exit__` is taken back.
"""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


def _tensors(value: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_flatten(value)[0] if isinstance(leaf, torch.Tensor)]


class SimulatedGraph:
    """What `torch.cuda.CUDAGraph` is asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        """Compute what was captured again, into the tensors that it was computed into."""
        with torch.no_grad():
            for function, arguments, options, results in self.calls:
                again = function(*arguments, **options)
                for old, new in zip(_tensors(results), _tensors(again), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class Capture(TorchDispatchMode):
    """What `torch.cuda.graph` is: a context in which every operation goes to the graph."""

    def __init__(self, graph: SimulatedGraph) -> None:
        super().__init__()
        self._graph = graph
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.is_mutable:
            self._before += [(t, t.clone()) for t in _tensors(args) if not t.is_inference()]
        results = func(*args, **(kwargs or {}))
        self._graph.calls.append((func, args, kwargs or {}, results))
        return results

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        with torch.no_grad():
            for tensor, before in reversed(self._before):
                tensor.copy_(before)


def simulate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the simulation in the place of CUDA's streams and graphs."""
    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, value in {
        "Stream": lambda: stream,
        "current_stream": lambda: stream,
        "stream": lambda which: nullcontext(),
        "CUDAGraph": SimulatedGraph,
        "graph": Capture,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
