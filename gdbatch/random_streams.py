"""Random numbers that depend on names and seeds, not on the order of work.

A seed gives the same draws at every learning rate, in every shard, on every worker.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(entropy: int, stream: str, seed: int = 0) -> np.random.Generator:
    """The generator of one stream, given by the sweep's entropy, the stream's name and a seed."""
    digest = hashlib.sha256(stream.encode()).digest()
    words = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 32, 4)]
    return np.random.default_rng(np.random.SeedSequence([*words, entropy, seed]))
