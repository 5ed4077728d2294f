"""Benchmarks: ratios measured in one run, never a timed test. `python -m tests.benchmarks`."""

import os

# before any library starts its threads
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
