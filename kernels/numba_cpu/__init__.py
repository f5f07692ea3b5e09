"""Loops compiled by Numba for the CPU: fused epilogues around BLAS products."""

from mnist_core.backends import Backend, kernels_in

numba = Backend(
    "numba",
    base="numpy",
    kernels=kernels_in("kernels.numba_cpu.operators"),
    requires=("numba", "scipy"),
    driven="one compiled function an operator: loops fused around SciPy's BLAS, products threaded",
)
