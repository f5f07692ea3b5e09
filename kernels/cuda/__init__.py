"""Handwritten CUDA kernels, compiled by CuPy: the backend `cupy-raw`."""

from kernels.array.cuda import no_cuda
from mnist_core.backends import Backend, kernels_in

cupy_raw = Backend(
    "cupy-raw",
    base="cupy",
    kernels=kernels_in("kernels.cuda.operators"),
    requires=("cupy",),
    unavailable=no_cuda,
    driven="handwritten kernels (kernels/cuda/*.cu) for everything, products included",
)

cupy_graph = Backend(
    "cupy-graph",
    base="cupy-raw",
    kernels=kernels_in("kernels.cuda.graphs"),
    driven="the same kernels; a step captured once as a CUDA graph and replayed, an epoch likewise",
)
