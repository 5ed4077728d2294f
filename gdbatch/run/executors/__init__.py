"""Executors: where shards are trained. Each file holds one; plug-ins add others."""

from . import local  # noqa: F401  registers it
