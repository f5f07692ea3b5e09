"""Written by ``python -m bench.asv_cases``."""

BACKENDS = [
    "numpy",
    "cupy",
    "cupy-cublaslt",
    "cupy-raw",
    "cupy-graph",
    "cupy-elementwise",
    "numba",
    "numba-sparse",
    "numba-cuda",
]

OPERATORS = [
    "gather_batch",
    "dense",
    "relu",
    "softmax",
    "softmax_cross_entropy",
    "dense_backward",
    "relu_backward",
    "bias_gradient",
    "sgd",
]
