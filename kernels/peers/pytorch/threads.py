"""PyTorch's threads follow threadpoolctl, by which the suite sets those of every library."""

import threadpoolctl
import torch


class TorchThreads(threadpoolctl.LibController):
    """PyTorch as a library with a pool of threads.

    threadpoolctl knows PyTorch's OpenMP, but not its MKL, whose number PyTorch gives to OpenMP.
    """

    user_api = "torch"
    internal_api = "torch"
    filename_prefixes = ("libtorch_cpu",)

    def get_num_threads(self) -> int:
        """Threads within one operation."""
        return torch.get_num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        """Set them, OpenMP's and MKL's."""
        torch.set_num_threads(num_threads)

    def get_version(self) -> str:
        """PyTorch's."""
        return str(torch.__version__)


def limit_threads() -> None:
    """Have every limit of threadpoolctl from now on reach PyTorch."""
    threadpoolctl.register(TorchThreads)
