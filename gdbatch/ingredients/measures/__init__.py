"""Measures: further columns of `trials`, computed for every trial on request."""
