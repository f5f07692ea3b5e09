"""What "the same training" means, and how it is shown."""

from mnist_core.numerics.certificate import Certificate, certify

__all__ = ["Certificate", "certify"]
