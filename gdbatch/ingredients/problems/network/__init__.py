"""Layered networks, evaluated for all lanes at once."""
