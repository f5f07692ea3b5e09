"""The suite's own kernels: one folder a technique, each file one operator or one take-over."""
