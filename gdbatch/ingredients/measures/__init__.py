"""Measures: optional columns of `trials`."""
