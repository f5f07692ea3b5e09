"""What "the same training" means, and how it is shown."""

from mnist_core.numerics.certificate import Certificate, certify, certify_exact

__all__ = ["Certificate", "certify", "certify_exact"]
