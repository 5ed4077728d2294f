"""Numerical building blocks that know nothing of gradient descent."""
