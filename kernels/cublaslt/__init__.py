"""The vendor's fused products, to compare handwritten ones with: the backend `cupy-cublaslt`."""

from importlib.util import find_spec

from kernels.array.cuda import no_cuda
from mnist_core.backends import Backend, kernels_in


def no_cublaslt() -> str | None:
    """Reason why cuBLASLt cannot be called here and the remedy, or None."""
    reason = no_cuda()
    if reason is None and find_spec("nvmath") is None:
        reason = "nvmath-python is not installed: pip install 'mnist-bench[cublaslt]'"
    return reason


cupy_cublaslt = Backend(
    "cupy-cublaslt",
    base="cupy-raw",
    kernels=kernels_in("kernels.cublaslt.levels"),
    requires=("nvmath",),
    unavailable=no_cublaslt,
    driven="float32: products by cuBLASLt, with bias, ReLU, its mask and bias gradients as "
    "epilogues, planned once a batch size; the rest as cupy-raw",
)
