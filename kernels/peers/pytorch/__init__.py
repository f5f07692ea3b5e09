"""PyTorch, driven in three ways; imported when a peer is first used."""

from mnist_core.backends import TakeOver


def take_overs(way: str) -> list[TakeOver]:
    """Step and epoch of one of the ways: "eager", "compiled" or "graph"."""
    from kernels.peers.pytorch import compiled, eager, graph, levels

    ways = {"eager": eager.Eager, "compiled": compiled.Compiled, "graph": graph.Graph}
    return levels.take_overs(ways[way], way)
