"""JAX: an epoch is one compiled function."""
