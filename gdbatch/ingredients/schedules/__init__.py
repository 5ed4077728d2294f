"""Schedules: the factor of the learning rate at each step. `protocol` says what one needs."""
