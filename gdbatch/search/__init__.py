"""Searches: how the trials of a group are chosen and trained. One file is one search."""
