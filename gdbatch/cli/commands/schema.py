"""`gdbatch schema`: the JSON Schema of sweep files."""

from __future__ import annotations

from ...registry import register
from ..terminal import print_json


@register("command", "schema")
def schema() -> None:
    """Print the JSON Schema of sweep files, for editors."""
    from ...sweep_file.schema import json_schema

    print_json(json_schema())
