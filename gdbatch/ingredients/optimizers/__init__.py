"""Optimizers: how an update follows from the gradient. `protocol` says what one needs."""
