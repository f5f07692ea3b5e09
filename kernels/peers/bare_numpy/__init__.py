"""The epoch as a bare NumPy loop."""
