"""Stores: where the files of a run are kept."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path

from .. import registry
from ..atomic_files import clear_abandoned, create_atomically, is_temporary, write_atomically
from ..errors import RunError, UsageError
from ..registry import register


class Store(ABC):
    """Files with names such as `manifest.json` or `trials/part-000000000000.parquet`.

    A name has at most one folder. Stores are pickled and sent to workers. Readers see a file
    completely or not at all; all methods raise RunError if the store fails.
    """

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """The content of a file; None if there is no such file."""

    @abstractmethod
    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file, replacing one of the same name."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless it exists; returns whether it was written.

        Of several concurrent writers, exactly one succeeds.
        """

    @abstractmethod
    def list(self, folder: str) -> list[str]:
        """The names of the files in a folder, such as `trials`, without the folder, sorted."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Delete a file; does nothing if there is no such file."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether nothing is stored, apart from remains of unfinished writes."""

    @abstractmethod
    def location(self, name: str = "") -> str:
        """The location of a file for messages, or of the run, as `open_store` takes it."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self.get(name) is not None

    @abstractmethod
    def prepare(self) -> None:
        """Make the store ready for writing, and remove what killed writers left behind.

        Raises UsageError if something else occupies its location.
        """


@register("store", "local")
class LocalStore(Store):
    """A directory on a local disk or a network drive."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(os.path.expanduser(path))

    def get(self, name: str) -> bytes | None:
        """The content of a regular file; others are refused, since reading a pipe may block."""
        path = self.path / name
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise RunError(f"{path} is not a regular file")
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise RunError(f"cannot read {path}: {error.strerror or error}") from None

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file."""
        # temporary files stay out of the parts' folders, where Polars would read them too
        write_atomically(self.path / name, lambda file: file.writelines(chunks), self.path)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless it exists."""
        return create_atomically(self.path / name, lambda file: file.write(data), self.path)

    def list(self, folder: str) -> list[str]:
        """The names in a folder."""
        try:
            with os.scandir(self.path / folder) as entries:
                return sorted(entry.name for entry in entries if not entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise RunError(f"cannot read {self.path}: {error.strerror or error}") from None

    def delete(self, name: str) -> None:
        """Delete a file."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"cannot delete {self.path / name}: {error.strerror or error}") from None

    def is_empty(self) -> bool:
        """Whether the directory is missing or empty."""
        return not self.path.is_dir() or all(map(is_temporary, self.path.iterdir()))

    def location(self, name: str = "") -> str:
        """The path."""
        return str(self.path / name)

    def exists(self, name: str) -> bool:
        """Whether there is a regular file of this name."""
        return (self.path / name).is_file()

    def prepare(self) -> None:
        """Create the directory."""
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; the run needs a directory")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            clear_abandoned(self.path)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror or error}") from None


def open_store(location: str | Path) -> Store:
    """The store at a location: a path, or `NAME://…` for the store registered as NAME."""
    name, separator, place = str(location).partition("://")
    if not separator:
        return LocalStore(location)
    try:
        store: Callable[[str], Store] = registry.get("store", name)
    except KeyError as error:
        raise UsageError(f"{location}: {error.args[0]}") from None
    return store(place)
