"""The engine: many independent gradient descents in one set of arrays, lanes last.

`loop.train` is the way in; `reference` is the same algorithm, one weight at a time.
"""
