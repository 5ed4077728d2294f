"""Where documents come from: TOML files, dicts, and `--set KEY=VALUE` on top of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Problem, SweepFileError
from .diagnostics import shortened
from .toml_locations import Path as KeyPath
from .toml_locations import TomlLocations, split_key


def read_document(path: Path) -> tuple[dict[str, Any], TomlLocations]:
    """A TOML file as a document, and where its keys are; raises SweepFileError."""
    try:
        text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
        return tomllib.loads(text), TomlLocations(text)
    except UnicodeDecodeError:
        raise SweepFileError([Problem("is not a text file in UTF-8", source=str(path))]) from None
    except tomllib.TOMLDecodeError as error:
        raise SweepFileError([Problem(f"is not TOML: {error}", source=str(path))]) from None
    except RecursionError:
        raise SweepFileError([Problem("is nested too deeply", source=str(path))]) from None
    except (OSError, ValueError) as error:  # a name may be no name of any file
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise SweepFileError([Problem(message, source=str(path))]) from None


def plain_copy(value: Any) -> Any:
    """A copy in plain Python types: NumPy numbers and arrays, and tuples, become theirs."""
    if isinstance(value, Mapping):
        return {str(key): plain_copy(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [plain_copy(inner) for inner in value]
    return value


def parse_override(text: str) -> tuple[KeyPath, Any, str]:
    """The path and the value of `KEY=VALUE`, and its source in words; raises SweepFileError."""
    source = f"--set {shortened(text)}"
    key, equals, value = text.partition("=")
    path = split_key(key.strip())
    if not equals or path is None:
        raise SweepFileError([Problem("write KEY=VALUE, KEY dotted", source=source)])
    try:
        document = tomllib.loads(f"value = {value.strip()}")
    except (tomllib.TOMLDecodeError, RecursionError):
        document = {}
    if list(document) != ["value"]:
        shown = shortened(value.strip())
        message = f"""{shown!r} is no TOML value; a text needs quotes: """
        message += f"""--set '{key.strip()}="{shown}"'"""
        raise SweepFileError([Problem(message, source=source)])
    return path, document["value"], source
