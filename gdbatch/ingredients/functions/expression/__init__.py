"""Functions written as an expression in the sweep file.

`syntax` parses the text into terms, `graph` builds the value and its derivatives from them, and
`program` computes these in NumPy. The text is never evaluated by Python.
"""
