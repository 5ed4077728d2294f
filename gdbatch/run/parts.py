"""Parts as bytes: a table, its key and a checksum of all bytes in one Parquet file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import RunError

_METADATA = b"gdbatch"
_SEAL, _NO_DIGEST = b"sha256=", 64 * b"0"


@dataclass(frozen=True)
class PartKey:
    """What a part says of itself."""

    plan: str
    shard: int
    recording: str = ""

    def encoded(self) -> dict[bytes, bytes]:
        """As Parquet metadata."""
        return {_METADATA: json.dumps(self.__dict__, sort_keys=True).encode()}


def sealed(table: pa.Table) -> bytes:
    """A table as a Parquet file that holds a checksum of all its bytes but the checksum's.

    Parquet's own checksums cover its pages, and neither their headers nor the file's footer.
    """
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


def verified(path: Path, key: PartKey) -> bytes:
    """The bytes of a part, its checksum and its key verified; raises RunError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    before, _, rest = data.rpartition(_SEAL)
    digest, after = rest[: len(_NO_DIGEST)], rest[len(_NO_DIGEST) :]
    if digest != _digest(before, after):
        raise RunError(f"{path} is damaged; sweep again to replace it")
    if pq.read_metadata(pa.BufferReader(data)).metadata[_METADATA] != key.encoded()[_METADATA]:
        raise RunError(f"{path} belongs to another run; sweep again to replace it")
    return data


def _digest(before: bytes, after: bytes) -> bytes:
    digest = hashlib.sha256(before)
    digest.update(after)
    return digest.hexdigest().encode()
