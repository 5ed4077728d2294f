"""Datasets: samples drawn from a seed, one kind in each file."""
