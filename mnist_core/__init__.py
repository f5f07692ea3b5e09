"""The network, its operators and backends, and what it takes to verify them. Costs NumPy alone."""

from mnist_core.arrays import Space
from mnist_core.backends import Backend, array_kernel, kernel, kernels_in, takes_over
from mnist_core.network import Network
from mnist_core.operators import Case, Operator

__all__ = [
    "Backend",
    "Case",
    "Network",
    "Operator",
    "Space",
    "array_kernel",
    "kernel",
    "kernels_in",
    "takes_over",
]
