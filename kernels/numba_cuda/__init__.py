"""Kernels written in Python and compiled by Numba for CUDA; all else is `cupy`'s."""

import importlib.util

from kernels.array.cuda import no_cuda
from mnist_core.backends import Backend, kernels_in


def _unavailable() -> str | None:
    """Reason why Numba cannot be used for CUDA here, or None."""
    reason = no_cuda()
    if reason is None and importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed: pip install 'mnist-bench[cuda12]' (or cuda13)"
    return reason


numba_cuda = Backend(
    "numba-cuda",
    base="cupy",
    kernels=kernels_in("kernels.numba_cuda.operators"),
    requires=("numba", "numba_cuda"),
    unavailable=_unavailable,
    driven="CUDA kernels in Python: tiled dense, fused loss, ReLU; the rest as `cupy` does it",
)
