"""A store: an SQLite database, which also works on disks without atomic renames."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing

from gdbatch.errors import RunError
from gdbatch.registry import register
from gdbatch.run.store import Store


@register("store", "outside_sqlite")
class Sqlite(Store):
    """One SQLite database per run."""

    def __init__(self, place: str) -> None:
        self.place = place

    def _do(self, statement: str, *values: object) -> tuple[list[tuple[object, ...]], int]:
        """The rows that a statement returns, and how many it changed."""
        try:
            with closing(sqlite3.connect(self.place, timeout=60)) as database, database:
                database.execute("create table if not exists files (name primary key, data)")
                cursor = database.execute(statement, values)
                return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            raise RunError(f"{self.location()}: {error}") from None

    def get(self, name: str) -> bytes | None:
        if not os.path.exists(self.place):
            return None
        rows, _ = self._do("select data from files where name = ?", name)
        return bytes(rows[0][0]) if rows else None  # type: ignore[call-overload]

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        self._do("insert or replace into files values (?, ?)", name, b"".join(chunks))

    def create(self, name: str, data: bytes) -> bool:
        return self._do("insert or ignore into files values (?, ?)", name, data)[1] == 1

    def list(self, folder: str) -> list[str]:
        if not os.path.exists(self.place):
            return []
        rows, _ = self._do("select name from files where name glob ? order by name", f"{folder}/*")
        return [str(name).partition("/")[2] for (name,) in rows]

    def delete(self, name: str) -> None:
        self._do("delete from files where name = ?", name)

    def is_empty(self) -> bool:
        return not os.path.exists(self.place) or not self._do("select 1 from files limit 1")[0]

    def prepare(self) -> None:
        self._do("select 1")

    def location(self, name: str = "") -> str:
        return f"outside_sqlite://{self.place}" + f"/{name}" * bool(name)
