"""Precisions to try on every backend."""

from mnist_core.precision import PRECISIONS

UNROUNDED = [precision for precision in PRECISIONS.values() if precision.factor_bits is None]
"""All but tf32: in it a kernel that rounds no factors computes what it does in float32."""
