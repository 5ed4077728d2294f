"""Parts that are damaged, cut, swapped or foreign are found on loading, and trained again.

Disks do this to files, and no damage may pass for a result.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdbatch.api import load_run
from gdbatch.errors import RunError, UsageError
from gdbatch.plan import Plan
from gdbatch.run.directory import RunDirectory, part_name
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.run.helpers import command, message, parts_of, structured, sweep_in

KINDS = ("trials", "trajectories")
PART = "part-000000000001.parquet"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run, of which tests damage copies."""
    return sweep_in(tmp_path_factory.mktemp("sound") / "run").path


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run of another plan."""
    other = structured({"axes.learning_rate": [1.0, 100.0, 1001.0]})
    return sweep_in(tmp_path_factory.mktemp("foreign") / "run", other).path


@pytest.fixture
def path(tmp_path: Path, sound: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(sound, tmp_path / "run"))


# single bytes ------------------------------------------------------------------------------


def damage_that_passes(path: Path, kind: str, plan: Plan) -> list[int]:
    """Bytes whose change goes unnoticed by a resume, or makes a load read something else."""
    (shard,) = plan.shards()
    directory = RunDirectory(path)
    part = path / part_name(kind, shard.number)
    written = part.read_bytes()
    (sound,) = directory.parts(kind)
    passed = []
    for place in range(0, len(written), 2):
        damaged = bytearray(written)
        damaged[place] ^= (0x01, 0xFF, 0x20)[place % 3]
        part.write_bytes(damaged)
        kept = directory.is_done(plan, shard)
        try:
            (loaded,) = directory.parts(kind)
            sure = loaded.schema.equals(sound.schema) and loaded.equals(sound)
        except RunError:
            sure = not kept
        if not sure:
            passed.append(place)
    part.write_bytes(written)
    assert directory.is_done(plan, shard)
    return passed


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_byte_anywhere_is_found_or_changes_nothing_that_is_read(
    tmp_path: Path, kind: str
) -> None:
    source = document({"record": {"every": 25, "values": ["loss"]}})
    run = sweep_in(tmp_path / "run", source)
    assert damage_that_passes(run.path, kind, Plan(read_sweep(source))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_value_of_any_column_is_found(path: Path, kind: str) -> None:
    """The last byte of a column is one of its values, which only a checksum guards."""
    part = path / kind / PART
    written = part.read_bytes()
    group = pq.read_metadata(part).row_group(0)
    assert group.num_columns >= 7
    for number in range(group.num_columns):
        column = group.column(number)
        start = min(column.data_page_offset, column.dictionary_page_offset or 2**63)
        damaged = bytearray(written)
        damaged[start + column.total_compressed_size - 1] ^= 0x01
        part.write_bytes(damaged)
        with pytest.raises(RunError, match="damaged"):
            getattr(load_run(path), kind)()
    totals = sweep_in(path).totals
    assert totals is not None and totals.computed_shards == 1
    assert part.read_bytes() == written


# whole parts -------------------------------------------------------------------------------


def cut_in_half(part: Path) -> None:
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])


def cut_at_the_end(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-1])


def emptied(part: Path) -> None:
    part.write_bytes(b"")


def a_text(part: Path) -> None:
    part.write_text("trial,outcome\n0,converged\n")


def zeros(part: Path) -> None:
    part.write_bytes(bytes(part.stat().st_size))


def _rewritten(part: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Another table under the same key, which no checksum detects."""
    table = pq.read_table(part)
    changed = change(table).replace_schema_metadata(table.schema.metadata)
    pq.write_table(changed, part, write_page_checksum=True)


def without_a_row(part: Path) -> None:
    _rewritten(part, lambda table: table.slice(0, len(table) - 1))


def without_a_column(part: Path) -> None:
    _rewritten(part, lambda table: table.drop_columns(table.column_names[-1]))


def without_trial_numbers(part: Path) -> None:
    _rewritten(part, lambda table: table.drop_columns("trial"))


def with_a_column_under_another_name(part: Path) -> None:
    _rewritten(
        part, lambda table: table.rename_columns([*table.column_names[:-1], "final_velocity"])
    )


def with_a_column_of_another_type(part: Path) -> None:
    def narrowed(table: pa.Table) -> pa.Table:
        last = table.num_columns - 1
        return table.set_column(last, table.column_names[last], table[last].cast(pa.float32()))

    _rewritten(part, narrowed)


def without_metadata(part: Path) -> None:
    pq.write_table(pq.read_table(part).replace_schema_metadata(None), part)


def with_metadata_of_another_form(part: Path) -> None:
    table = pq.read_table(part).replace_schema_metadata({"gdbatch": json.dumps([1, 2])})
    pq.write_table(table, part)


DAMAGES = [
    cut_in_half,
    cut_at_the_end,
    emptied,
    a_text,
    zeros,
    without_a_row,
    without_a_column,
    without_trial_numbers,
    with_a_column_under_another_name,
    with_a_column_of_another_type,
    without_metadata,
    with_metadata_of_another_form,
]
# trajectories have no fixed number of rows
OF_TRAJECTORIES = [damage for damage in DAMAGES if damage is not without_a_row]
CASES = [("trials", damage) for damage in DAMAGES]
CASES += [("trajectories", damage) for damage in OF_TRAJECTORIES]


@pytest.mark.parametrize(("kind", "damage"), CASES)
def test_loading_a_run_names_a_damaged_part_by_its_path(
    path: Path, kind: str, damage: Callable[[Path], None]
) -> None:
    damage(path / kind / PART)
    run = load_run(path)
    with pytest.raises(RunError) as caught:
        getattr(run, kind)()
    assert str(path / kind / PART) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "damage"), CASES)
def test_a_damaged_part_is_trained_again_and_no_other(
    path: Path, sound: Path, kind: str, damage: Callable[[Path], None]
) -> None:
    damage(path / kind / PART)
    totals = sweep_in(path).totals
    assert totals is not None and (totals.computed_shards, totals.kept_shards) == (1, 3)
    assert parts_of(path) == parts_of(sound)


def of_another_plan(part: Path, foreign: Path) -> None:
    shutil.copy(foreign / part.parent.name / part.name, part)


def of_another_shard(part: Path, foreign: Path) -> None:
    shutil.copy(part.with_name("part-000000000002.parquet"), part)


MISPLACED = [of_another_plan, of_another_shard]


@pytest.mark.parametrize("misplace", MISPLACED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_something_else_is_neither_loaded_nor_overwritten(
    path: Path, foreign: Path, kind: str, misplace: Callable[[Path, Path], None]
) -> None:
    misplace(path / kind / PART, foreign)
    before = parts_of(path)
    with pytest.raises(RunError, match="does not belong there") as caught:
        getattr(load_run(path), kind)()
    assert str(path / kind / PART) in str(caught.value)
    with pytest.raises(UsageError, match="does not belong there") as refused:
        sweep_in(path)
    assert str(path / kind / PART) in str(refused.value)
    assert parts_of(path) == before


@pytest.mark.parametrize(
    "arguments", [["summary"], ["plot", "convergence"]], ids=["summary", "plot"]
)
def test_commands_report_a_damaged_part_in_one_message(path: Path, arguments: list[str]) -> None:
    cut_in_half(path / "trials" / PART)
    result = command(arguments[0], path, *arguments[1:])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert str(path / "trials" / PART) in message(result.stderr)


def test_damage_to_trajectories_leaves_the_trials_readable(path: Path) -> None:
    cut_in_half(path / "trajectories" / PART)
    assert len(load_run(path).trials()) == 48
    assert len(load_run(path).summary) == 12


# parts without a shard ---------------------------------------------------------------------


TOO_MANY = ["part-000000000009.parquet", "part-000001.parquet", "part-copy.parquet"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TOO_MANY)
def test_an_extra_part_is_reported_kept_and_never_counted(path: Path, kind: str, name: str) -> None:
    rows = len(getattr(load_run(path), kind)())
    shutil.copy(path / kind / PART, path / kind / name)
    run = sweep_in(path)
    assert len(getattr(run, kind)()) == rows
    assert (path / kind / name).exists()
    completeness = run.directory.completeness()
    assert completeness.is_complete
    (stray,) = completeness.strays
    assert str(path / kind / name) in stray and "not part of this run" in stray
    assert f"warning: {stray}" in command("summary", path).stderr


def test_missing_shards_are_counted(path: Path) -> None:
    directory = RunDirectory(path)
    assert directory.completeness().is_complete
    (path / "trials" / PART).unlink()
    assert not directory.completeness().is_complete
    assert str(directory.completeness()) == "3 of 4 shards"


# parts whose checksum is right -------------------------------------------------------------


def resealed(data: bytes) -> bytes:
    before, _, rest = data.rpartition(b"sha256=")
    return before + b"sha256=" + hashlib.sha256(before + rest[64:]).hexdigest().encode() + rest[64:]


def not_parquet(part: Path) -> bytes:
    return b"no parquet sha256=" + bytes(64)


def a_broken_footer(part: Path) -> bytes:
    return part.read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1"


def without_a_key(part: Path) -> bytes:
    return part.read_bytes().replace(b"gdbatch\x18", b"gdbatcx\x18")


def with_another_key(part: Path) -> bytes:
    return part.read_bytes().replace(b'"shard"', b'"shird"')


def with_fewer_rows(part: Path) -> bytes:
    table = pq.read_table(part)
    key = table.schema.metadata[b"gdbatch"]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema) as writer:
        writer.write_table(table.slice(0, len(table) - 1))
        writer.add_key_value_metadata({"gdbatch_checksum": "sha256=" + 64 * "0"})
    assert key in sink.getvalue().to_pybytes()
    return bytes(sink.getvalue().to_pybytes())


RESEALED = [not_parquet, a_broken_footer, without_a_key, with_another_key, with_fewer_rows]


@pytest.mark.parametrize("change", RESEALED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_with_the_right_checksum_and_a_wrong_content_is_damaged(
    path: Path, sound: Path, kind: str, change: Callable[[Path], bytes]
) -> None:
    part = path / kind / PART
    written = part.read_bytes()
    changed = resealed(change(part))
    assert changed != written
    part.write_bytes(changed)
    with pytest.raises(RunError, match="damaged"):
        getattr(load_run(path), kind)()
    totals = sweep_in(path).totals
    assert totals is not None and (totals.computed_shards, totals.kept_shards) == (1, 3)
    assert parts_of(path) == parts_of(sound)


@pytest.mark.parametrize("kind", KINDS)
def test_a_named_pipe_under_the_name_of_a_part_is_replaced(
    path: Path, sound: Path, kind: str
) -> None:
    (path / kind / PART).unlink()
    os.mkfifo(path / kind / PART)
    with pytest.raises(RunError, match="not a regular file"):
        getattr(load_run(path), kind)()
    assert sweep_in(path).totals is not None
    assert parts_of(path) == parts_of(sound)


# recordings of two kinds -------------------------------------------------------------------


@pytest.mark.parametrize(
    "recording", [{"every": 7}, {"values": ["gradient_norm"]}], ids=["how often", "what"]
)
def test_trajectories_of_another_recording_are_reported_when_a_run_is_loaded(
    path: Path, sound: Path, recording: dict[str, Any]
) -> None:
    """As after the interruption of a sweep with another [record]."""
    sweep_in(path, structured({f"record.{name}": value for name, value in recording.items()}))
    shutil.copy(sound / "trajectories" / PART, path / "trajectories" / PART)
    with pytest.raises(RunError) as caught:
        load_run(path).trajectories()
    assert str(path / "trajectories" / PART) in str(caught.value)
