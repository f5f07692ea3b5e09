"""Work captured once as a CUDA graph and replayed: then the host asks one thing of the GPU."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from mnist_core.arrays import Space

KEPT = 8
"""Graphs of one network: a batch, a last batch and some learning rates."""

_graphs: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()


def replay(network: Any, key: Hashable, arrays: tuple[Any, ...], work: Callable[[], None]) -> None:
    """Do ``work``: the first time as it stands, the second time captured, from then on replayed.

    The first time compiles and allocates, which cannot be captured. A graph holds addresses:
    ``arrays`` are kept as long as it is, and it is used for the same arrays only.

    Parameters
    ----------
    network
        Whose work it is; its graphs go with it.
    key
        What else the work depends on: values that the launches carry with them.
    arrays
        All arrays that the work touches and that others may replace.
    """
    graphs = _graphs.setdefault(network, {})
    key = key, *map(id, arrays)
    if key not in graphs:
        if len(graphs) == KEPT:
            del graphs[next(iter(graphs))]
        graphs[key] = None, arrays
        work()
        return
    graph, _ = graphs.pop(key)
    if graph is None:
        graph = captured(network.backend.space, work)
    graphs[key] = graph, arrays  # behind all others: the first is the one not used for longest
    graph.launch()


def captured(space: Space, work: Callable[[], None]) -> Any:
    """The launches of ``work`` as a graph; nothing is executed."""
    stream = space.xp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        try:
            work()
        except BaseException:
            with suppress(Exception):  # what went wrong in the work is what matters
                stream.end_capture()
            raise
        return stream.end_capture()
