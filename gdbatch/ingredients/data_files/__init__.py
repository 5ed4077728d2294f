"""Data files: samples and parameters from CSV and npz files.

Every error is an IngredientError about the option that names the file; it says what is wrong, and
where.
"""

from .files import Arrays, expect_file, read_arrays, read_samples

__all__ = ["Arrays", "expect_file", "read_arrays", "read_samples"]
