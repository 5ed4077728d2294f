"""Python files of users: read, run if that is allowed, and described in messages."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from pydantic import Field, PrivateAttr

from ...errors import IngredientError, nearest
from ..data_files import expect_file
from ..options import Context
from .protocol import ProblemOptions

FAILURES = (Exception, SystemExit)  # what a user's code may raise


class CodeOptions(ProblemOptions):
    """Options of problems whose code is in a Python file; they need --allow-python."""

    file: str = Field(description="A Python file, relative to the sweep file.")
    _path: Path = PrivateAttr()
    _code: bytes = PrivateAttr()

    @property
    def digest(self) -> str:
        """Hash of the code."""
        return hashlib.sha256(self._code).hexdigest()

    def resolved(self) -> dict[str, object]:
        """The options, with a hash of the code in place of its file; imports are not covered."""
        return super().resolved() | {"file": None, "code": self.digest}

    def _read_code(self, context: Context) -> None:
        """Read the file; raises IngredientError, also if running code is not allowed."""
        self._path = context.path(self.file)
        expect_file(self._path, (".py",), "Python file", "file")
        if not context.allow_python:
            raise IngredientError(
                f"this runs the code in {self.file}; if you trust it, add --allow-python "
                "(in Python: allow_python=True)",
                "kind",
            )
        try:
            self._code = self._path.read_bytes()
        except OSError as error:
            message = f"cannot read {self._path}: {error.strerror or error}"
            raise IngredientError(message, "file") from None

    def module(self) -> ModuleType:
        """The code as a module, run once per process; raises IngredientError."""
        return _module(str(self._path), self._code)

    def named(self, name: str, key: str) -> object:
        """An object of the file, which the option `key` names; raises IngredientError."""
        module = self.module()
        try:
            return getattr(module, name)
        except AttributeError:
            public = [known for known in vars(module) if not known.startswith("_")]
            message = f'{self.file} has no "{name}"; {nearest(name, public)}'
            raise IngredientError(message, key) from None

    def describe(self, error: BaseException) -> str:
        """What went wrong in the code, and on which line."""
        return _describe(error, str(self._path), self.file)

    @contextlib.contextmanager
    def reporting(self, key: str) -> Iterator[None]:
        """Turn what the user's code raises into an IngredientError about the option `key`."""
        try:
            yield
        except IngredientError:
            raise
        except FAILURES as error:
            raise IngredientError(self.describe(error), key) from None


@functools.lru_cache(maxsize=16)
def _module(path: str, code: bytes) -> ModuleType:
    module = ModuleType(f"gdbatch_python_{hashlib.sha256(path.encode() + code).hexdigest()[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses, for one, look it up there
    try:
        exec(compile(code, path, "exec"), module.__dict__)
    except FAILURES as error:
        del sys.modules[module.__name__]
        raise IngredientError(_describe(error, path, Path(path).name), "file") from None
    return module


def _describe(error: BaseException, path: str, name: str) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if one.filename == path]
    line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
    place = name if line is None else f"{name}, line {line}"
    return f"{place}: {type(error).__name__}: {error}"
