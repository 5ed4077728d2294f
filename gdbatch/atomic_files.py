"""Files that stand under their names only when they are whole.

Until then they have a name of ours that readers skip; what a killed writer leaves is cleared up.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .errors import RunError

_TEMPORARY = re.compile(r"\.gdbatch-(?P<process>\d{1,9})-\d+-(?P<host>[^~]*)~.*")
_LONGEST_WRITE = 86_400  # seconds, on other machines, whose processes are not seen from here


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], folder: Path | None = None
) -> None:
    """Write a file under another name, in `folder` or beside it, and rename; raises RunError."""
    writer = f"{os.getpid()}-{threading.get_ident()}-{platform.node()}"
    temporary = (folder or path.parent) / f".gdbatch-{writer}~{path.name}"
    try:
        try:
            path.parent.mkdir(exist_ok=True)
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _synchronise(path.parent)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from None


def _synchronise(folder: Path) -> None:
    """Make names in a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_temporary(path: Path) -> bool:
    """Whether a name is one of a file that is not whole yet."""
    return _TEMPORARY.fullmatch(path.name) is not None


def clear_abandoned(folder: Path) -> None:
    """Remove temporary files whose writer has ended; those of other writers are left to them."""
    for path in filter(is_temporary, folder.glob(".*")):
        with contextlib.suppress(FileNotFoundError):  # it has got its name by now
            if _is_abandoned(path):
                path.unlink()


def _is_abandoned(path: Path) -> bool:
    found = _TEMPORARY.fullmatch(path.name)
    assert found is not None
    if found["host"] == platform.node():
        return not _lives(int(found["process"]))
    return time.time() - path.stat().st_mtime > _LONGEST_WRITE


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # it is another user's
    return True
