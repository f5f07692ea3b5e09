"""Forward and backward by cuBLASLt, a take-over a file."""
