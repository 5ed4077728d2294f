"""Data files: samples and parameters from CSV and npz files.

Every refusal is an IngredientError about the option that names the file, with what is wrong in it
and where.
"""

from .files import Samples, expect_file, read_arrays, read_samples

__all__ = ["Samples", "expect_file", "read_arrays", "read_samples"]
