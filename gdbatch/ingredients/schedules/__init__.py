"""Schedules: the factor of the learning rate at each step. One class is one schedule."""
