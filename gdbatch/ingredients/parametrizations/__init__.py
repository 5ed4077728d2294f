"""Parametrizations: how the numbers of a layer scale with the width; `protocol` defines them."""
