"""Parts as bytes: a Parquet file that holds a table, its key and a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import RunError

_METADATA = b"gdbatch"
_SEAL, _NO_DIGEST = b"sha256=", 64 * b"0"


@dataclass(frozen=True)
class PartKey:
    """Where a part belongs: its plan, shard and trials."""

    plan: str
    shard: int
    first: int | None  # trial of the shard; None in a part written by version 0.1.0
    end: int | None  # the trial after its last one
    recording: str = ""  # of trajectories


@dataclass(frozen=True)
class Part:
    """A verified part."""

    key: PartKey
    data: bytes

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The table; with `columns`, only those of them that exist."""
        file = pq.ParquetFile(pa.BufferReader(self.data))
        if columns is not None:
            columns = [name for name in columns if name in file.schema_arrow.names]
        return file.read(columns)


def sealed(key: PartKey, table: pa.Table) -> bytes:
    """A table as a Parquet file that holds its key and a checksum of all other bytes.

    Parquet's own checksums cover neither the headers of pages nor the footer.
    """
    text = json.dumps(asdict(key) | {"rows": len(table)}, sort_keys=True)
    table = table.replace_schema_metadata({_METADATA: text.encode()})
    names = table.column_names
    floats = [name for name in names if pa.types.is_floating(table.schema.field(name).type)]
    measured = [name for name in floats if "outcome" in names[: names.index(name)]]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=[name for name in names if name not in measured],
        use_byte_stream_split=measured,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"gdbatch_checksum": (_SEAL + _NO_DIGEST).decode()})
    before, _, after = sink.getvalue().to_pybytes().rpartition(_SEAL + _NO_DIGEST)
    return b"".join((before, _SEAL, _digest(before, after), after))


def verified(data: bytes, location: str) -> Part:
    """A part from its bytes; raises RunError if they are damaged."""
    before, _, rest = data.rpartition(_SEAL)
    digest, after = rest[: len(_NO_DIGEST)], rest[len(_NO_DIGEST) :]
    key = _key(data) if digest == _digest(before, after) else None
    if key is None:
        raise RunError(f"{location} is damaged; run the sweep again to replace it")
    return Part(key, data)


def _key(data: bytes) -> PartKey | None:
    """The key of a Parquet file; None if it has none, or if its rows do not match the key."""
    try:
        footer = pq.read_metadata(pa.BufferReader(data))
        key = json.loads(footer.metadata[_METADATA])
        rows = key.pop("rows", footer.num_rows)  # version 0.1.0 did not write it
        known = PartKey(**{"first": None, "end": None} | key)
    except (pa.ArrowException, OSError, TypeError, KeyError, ValueError, AttributeError):
        return None
    return known if rows == footer.num_rows else None


def _digest(before: bytes, after: bytes) -> bytes:
    digest = hashlib.sha256(before)
    digest.update(after)
    return digest.hexdigest().encode()
