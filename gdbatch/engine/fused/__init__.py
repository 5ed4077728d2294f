"""The fused engine: compiled kernels for networks; needs Numba."""
