"""Runs a plan into a run directory."""
