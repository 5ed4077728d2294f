"""Losses: what a network is trained to reduce. One class is one loss."""
