"""Numerical building blocks, independent of gradient descent."""
