"""Losses: what a network is trained to reduce. `protocol` says what one needs."""
