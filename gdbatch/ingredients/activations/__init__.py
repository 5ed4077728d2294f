"""Activations: functions of a unit's sum of products; `protocol` defines the interface."""
