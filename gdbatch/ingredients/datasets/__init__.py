"""Datasets: samples drawn from a seed, one kind per file. `protocol` says what one needs."""
