"""Other people's ways to train the same network, to compare with: rows marked ``peer``.

They compute on the arrays of their base, NumPy's or CuPy's, which PyTorch and JAX take as their own
without a copy: images and weights are where every other backend has them.
"""

from collections.abc import Callable

from kernels.array.cuda import no_cuda
from kernels.peers.missing import first, no_compiler, no_jax, no_jax_cuda, no_torch, no_torch_cuda
from mnist_core.backends import Backend, TakeOver, kernels_in

_EAGER = "autograd.grad and one foreach update a step, without the cost of an optimizer object"
_COMPILED = "torch.compile of a whole step, from the gather to the update, for each batch size"
_GRAPH = "an eager step captured in a CUDA graph for each batch size: one launch replays it"
_SCAN = "an epoch as one jitted lax.scan over its batches, parameters donated"


def _pytorch(way: str) -> Callable[[], list[TakeOver]]:
    def load() -> list[TakeOver]:
        from kernels.peers import pytorch

        return pytorch.take_overs(way)

    return load


bare_numpy = Backend(
    "bare-numpy",
    base="numpy",
    kernels=kernels_in("kernels.peers.bare_numpy"),
    role="peer",
    driven="the NumPy loop that a competent person writes by hand, an epoch at a time",
)

torch = Backend(
    "torch",
    base="numpy",
    kernels=_pytorch("eager"),
    requires=("torch",),
    unavailable=no_torch,
    role="peer",
    driven=_EAGER,
)

torch_compile = Backend(
    "torch-compile",
    base="numpy",
    kernels=_pytorch("compiled"),
    requires=("torch",),
    unavailable=first(no_torch, no_compiler),
    role="peer",
    driven=_COMPILED,
)

jax = Backend(
    "jax",
    base="numpy",
    kernels=kernels_in("kernels.peers.jax_scan"),
    requires=("jax",),
    unavailable=no_jax,
    role="peer",
    driven=_SCAN,
)

torch_cuda = Backend(
    "torch-cuda",
    base="cupy",
    kernels=_pytorch("eager"),
    requires=("torch",),
    unavailable=first(no_cuda, no_torch, no_torch_cuda),
    role="peer",
    driven=_EAGER,
)

torch_compile_cuda = Backend(
    "torch-compile-cuda",
    base="cupy",
    kernels=_pytorch("compiled"),
    requires=("torch",),
    unavailable=first(no_cuda, no_torch, no_torch_cuda, no_compiler),
    role="peer",
    driven=_COMPILED,
)

torch_graph_cuda = Backend(
    "torch-graph-cuda",
    base="cupy",
    kernels=_pytorch("graph"),
    requires=("torch",),
    unavailable=first(no_cuda, no_torch, no_torch_cuda),
    role="peer",
    driven=_GRAPH,
)

jax_cuda = Backend(
    "jax-cuda",
    base="cupy",
    kernels=kernels_in("kernels.peers.jax_scan"),
    requires=("jax",),
    unavailable=first(no_cuda, no_jax, no_jax_cuda),
    role="peer",
    driven=_SCAN,
)
