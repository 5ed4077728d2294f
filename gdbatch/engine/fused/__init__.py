"""The fused engine: compiled kernels for networks; needs Numba."""

from . import engine  # noqa: F401  registers it
