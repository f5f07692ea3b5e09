"""Plain array code, written once against the namespace: the backends `numpy` and `cupy`."""

from kernels.array.cuda import CupySpace, no_cuda
from mnist_core.arrays import Space
from mnist_core.backends import Backend, kernels_in

numpy = Backend(
    "numpy",
    space=Space,
    requires=("numpy",),
    kernels=kernels_in("kernels.array.operators"),
    driven="whole-array NumPy calls into preallocated outputs; products by NumPy's BLAS",
)

cupy = Backend(
    "cupy",
    space=CupySpace,
    kernels=kernels_in("kernels.array.operators"),
    requires=("cupy",),
    unavailable=no_cuda,
    driven="the same array code with xp = cupy; products by cuBLAS",
)
