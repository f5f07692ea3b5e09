"""Training by register tiles: products, threads and whole epochs of Numba's own."""
