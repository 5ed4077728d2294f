"""Files that appear under their names only when they are complete.

Until then a file has a temporary name, which readers skip. If its writer is killed, a temporary
file is recognised by its name and removed later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import RunError

_TEMPORARY = re.compile(r"\.gdbatch-(?P<process>\d{1,9})-\d+-(?P<host>[^~]*)~.*")
_NO_HARD_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)
_LONGEST_WRITE = 86_400  # seconds; for writers on other machines, whose processes we cannot see

Write = Callable[[BinaryIO], object]


def write_atomically(path: Path, write: Write, folder: Path | None = None) -> None:
    """Write a file under a temporary name, in `folder` or next to `path`, and rename it.

    Raises RunError if the file cannot be written.
    """
    with _temporary_file(path, write, folder) as temporary:
        os.replace(temporary, path)


def create_atomically(path: Path, write: Write, folder: Path | None = None) -> bool:
    """Write a file like `write_atomically`, unless it exists; returns whether it was written.

    Of several concurrent writers, exactly one succeeds.
    """
    with _temporary_file(path, write, folder) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return _create(path, write)
    return True


def _create(path: Path, write: Write) -> bool:
    """Write a new file under its own name, on file systems that have no hard links."""
    try:
        with path.open("xb") as file:
            write(file)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def _temporary_file(path: Path, write: Write, folder: Path | None) -> Iterator[Path]:
    """A complete file under a temporary name, to be moved to `path`; always removed at the end."""
    writer = f"{os.getpid()}-{threading.get_ident()}-{platform.node()}"
    temporary = (folder or path.parent) / f".gdbatch-{writer}~{path.name}"
    try:
        try:
            path.parent.mkdir(exist_ok=True)
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
        _synchronise(path.parent)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from None


def _synchronise(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_temporary(path: Path) -> bool:
    """Whether a file has a temporary name."""
    return _TEMPORARY.fullmatch(path.name) is not None


def clear_abandoned(folder: Path) -> None:
    """Remove the temporary files whose writers have ended."""
    for path in filter(is_temporary, folder.glob(".*")):
        with contextlib.suppress(FileNotFoundError):  # renamed in the meantime
            if _is_abandoned(path):
                path.unlink()


def _is_abandoned(path: Path) -> bool:
    found = _TEMPORARY.fullmatch(path.name)
    assert found is not None
    if found["host"] == platform.node() and os.name == "posix":
        return not _is_alive(int(found["process"]))
    return time.time() - path.stat().st_mtime > _LONGEST_WRITE


def _is_alive(process: int) -> bool:
    """Whether a process runs; POSIX only (on Windows, `os.kill` would end it)."""
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # another user's process
    return True
