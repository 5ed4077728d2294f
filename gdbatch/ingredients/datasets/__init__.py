"""Datasets: samples drawn from a seed, one kind per file; `protocol` defines the interface."""
