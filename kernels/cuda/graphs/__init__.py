"""The step and the epoch as CUDA graphs, a take-over a file."""
