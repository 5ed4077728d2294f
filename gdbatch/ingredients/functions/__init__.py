"""Functions of n variables to descend, one in each file."""
