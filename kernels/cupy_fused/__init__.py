"""Expressions that CuPy makes kernels of, around its products: the backend `cupy-elementwise`."""

from mnist_core.backends import Backend, kernels_in

cupy_elementwise = Backend(
    "cupy-elementwise",
    base="cupy",
    kernels=kernels_in("kernels.cupy_fused.operators"),
    driven="products by cuBLAS; all between them fused by CuPy's ElementwiseKernel, "
    "ReductionKernel",
)
