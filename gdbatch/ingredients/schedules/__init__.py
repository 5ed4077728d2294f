"""Schedules: the factor of the learning rate at each step; `protocol` defines the interface."""
