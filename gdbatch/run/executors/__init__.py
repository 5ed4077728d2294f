"""Executors: where shards are trained. One file is one executor."""
