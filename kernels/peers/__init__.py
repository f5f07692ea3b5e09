"""Other people's ways to train the same network, to compare with: rows marked ``peer``."""

from mnist_core.backends import Backend, kernels_in

bare_numpy = Backend(
    "bare-numpy",
    base="numpy",
    kernels=kernels_in("kernels.peers.bare_numpy"),
    role="peer",
    driven="the NumPy loop that a competent person writes by hand, an epoch at a time",
)
