"""The manifest of a run: its entries, how they are validated, and which runs can be resumed.

Another version of gdbatch that resumes a run keeps what the first writer decided, such as the cut
into shards.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import time
from collections.abc import Mapping
from typing import Any, NotRequired, cast

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from .. import registry
from ..engine import engine_named
from ..errors import UsageError
from ..plan import Cut, Plan
from ..version import __version__
from .columns import trials_schema
from .machine import machine, simd_level, versions

NAME = "manifest.json"
FORMAT = 2  # incremented when an older gdbatch could not read the run; version 0.1.0 wrote 1
_DECIDED_ONCE = ("cut", "shards", "simd", "columns", "derived")
_DERIVED = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*")


class DamagedManifestError(UsageError):
    """A manifest is missing or damaged."""


class _Train(TypedDict):
    max_steps: int | None  # None: in epochs
    stop: dict[str, Any] | None


class _Axis(TypedDict):
    key: str


class _Record(TypedDict):
    final_parameters: bool


class _Sweep(TypedDict):
    name: str
    train: _Train
    axes: list[list[_Axis]]
    record: _Record


class _Facts(TypedDict):
    targets: list[float] | None
    curvature: float | None
    refined: NotRequired[str | None]
    refined_rows: NotRequired[int]
    map: NotRequired[list[str] | None]
    search: NotRequired[dict[str, Any]]
    feature_scales: NotRequired[dict[str, Any] | None]
    repeats_exactly: NotRequired[bool]


class _Required(TypedDict):
    """The entries of a manifest of any format."""

    gdbatch: str
    plan_hash: str
    recording_hash: str
    trials: int
    shards: int
    axes: list[str]
    sweep: _Sweep
    facts: _Facts


class _Decided(TypedDict):
    """The entries added in format 2."""

    format: int
    cut: list[list[Any]]
    columns: dict[str, str]
    derived: list[str]
    simd: str


class Manifest(TypedDict):
    """A manifest as plain data."""

    gdbatch: str
    format: int
    plan_hash: str
    recording_hash: str
    trials: int
    shards: int
    cut: list[list[Any]]  # see `Cut`; empty in a run of version 0.1.0
    engine: str
    simd: str  # vector instructions of NumPy, if the engine depends on them
    columns: dict[str, str]  # of `trials`: name → Arrow type
    derived: list[str]  # files made from the parts, which --fresh deletes
    axes: list[str]
    sweep: dict[str, Any]
    results_version: NotRequired[int]
    contents: NotRequired[dict[str, str]]  # digests of files and datasets
    facts: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    started: str
    finished: NotRequired[str]
    seconds: NotRequired[float]
    workers: NotRequired[int]
    totals: NotRequired[dict[str, Any]]


# writing ----------------------------------------------------------------------------------------


def new_manifest(plan: Plan) -> Manifest:
    """The manifest of a run that begins now."""
    engine = plan.sweep.first.train.engine
    manifest = {
        "gdbatch": __version__,
        "format": FORMAT,
        "plan_hash": plan.hash,
        "recording_hash": plan.recording_hash,
        "trials": plan.trials,
        "shards": plan.cut.shards,
        "cut": plan.cut.as_data(),
        "engine": engine,
        "simd": simd_level() if engine_named(engine).depends_on_simd else "",
        "columns": {field.name: str(field.type) for field in trials_schema(plan)},
        "derived": [],
        "axes": [axis.column for axis in plan.axes],
        **plan.identity(),
        "facts": plan.facts(),
        "versions": versions(registry.get("problem", plan.sweep.first.problem.kind).packages),
        "machine": machine(),
        "started": moment(time.time()),
    }
    return cast(Manifest, manifest)


def resumed(manifest: Manifest, plan: Plan) -> Manifest:
    """The manifest of a run that is resumed now.

    Raises UsageError if this installation of gdbatch cannot resume it.
    """
    new = new_manifest(plan)
    if list(manifest["columns"].items()) != list(new["columns"].items()):
        raise UsageError(_columns_differ(manifest["columns"], new["columns"]))
    kept = {name: manifest[name] for name in _DECIDED_ONCE}  # type: ignore[literal-required]
    return cast(Manifest, new | kept)


def as_bytes(manifest: Manifest) -> bytes:
    """A manifest as JSON, with a checksum of the rest."""
    data = {**manifest, "checksum": _checksum(manifest)}
    return (json.dumps(data, indent=2) + "\n").encode()


def moment(seconds: float) -> str:
    """A time in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _checksum(data: Mapping[str, object]) -> str:
    rest = {name: value for name, value in data.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


# reading ----------------------------------------------------------------------------------------


def parsed(content: bytes, location: str) -> Manifest:
    """A manifest from its bytes.

    Raises DamagedManifestError, or UsageError for a run that a newer gdbatch wrote.
    """
    try:
        data = json.loads(content)
    except ValueError as error:
        raise DamagedManifestError(f"{location} is damaged: {error}") from None
    if not isinstance(data, dict) or not {"gdbatch", "plan_hash"} & data.keys():
        raise DamagedManifestError(f"{location} is not the manifest of a run")
    _refuse_newer(data, location)
    is_old = not {"format", "checksum"} & data.keys()
    try:
        _adapter(_Required).validate_python(data, strict=True)
        if not is_old:
            _adapter(_Decided).validate_python(data, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DamagedManifestError(f"{location} is damaged: {key}: {first['msg']}") from None
    fault = _contradiction(data, is_old)
    if fault:
        raise DamagedManifestError(f"{location} is damaged: {fault}")
    return _with_defaults(data) if is_old else cast(Manifest, data)


@functools.cache
def _adapter(kind: type) -> TypeAdapter[object]:
    return TypeAdapter(kind)


def _contradiction(data: Mapping[str, Any], is_old: bool) -> str:
    """How the entries of a manifest contradict each other, or ""."""
    if sum(map(len, data["sweep"]["axes"])) != len(data["axes"]):
        return "axes do not match those of the sweep"
    if is_old:
        return ""
    if data.get("checksum") != _checksum(data):
        return "its checksum does not match, so it was changed after it was written"
    if not all(map(_DERIVED.fullmatch, data["derived"])):
        return "derived contains names that are not files of the run"
    try:
        cut = Cut.from_data(data["cut"])
    except ValueError as error:
        return f"cut: {error}"
    if (cut.shards, cut.trials) != (data["shards"], data["trials"]):
        return "cut does not match shards and trials"
    return ""


def _refuse_newer(data: Mapping[str, Any], location: str) -> None:
    """Raise UsageError for a run of a newer gdbatch."""
    version, form = data.get("gdbatch"), data.get("format", 1)
    newer_format = isinstance(form, int) and form > FORMAT
    if newer_format or (isinstance(version, str) and _numbers(version) > _numbers(__version__)):
        raise UsageError(
            f"{location} was written by gdbatch {version}, which is newer than this one "
            f"({__version__}); upgrade gdbatch to use the run"
        )


def _numbers(version: str) -> list[int]:
    return [int(number[:9]) for number in re.findall(r"\d+", version)[:3]]


def _with_defaults(data: dict[str, Any]) -> Manifest:
    """A manifest of version 0.1.0 in today's form."""
    facts = data["facts"]
    search: dict[str, object] = {"kind": "grid"}
    if facts.get("refined"):
        search = {"kind": "bisection", "axis": facts["refined"], "rows": facts["refined_rows"]}
    if facts.get("map"):
        search = {"kind": "adaptive_map", "axes": facts["map"]}
    decided = {"format": 1, "cut": [], "simd": "", "columns": {}, "derived": _DERIVED_0_1_0}
    return cast(Manifest, decided | data | {"facts": facts | {"search": search}})


_FIGURES_0_1_0 = (
    *("bifurcation", "convergence", "loss", "map"),
    *("prediction", "sharpness", "trainability"),
)
_DERIVED_0_1_0 = [  # what version 0.1.0 wrote by default
    "summary.csv",
    *(f"figures/{kind}.{suffix}" for kind in _FIGURES_0_1_0 for suffix in ("png", "svg")),
]


def _columns_differ(run: Mapping[str, str], here: Mapping[str, str]) -> str:
    missing = [name for name in run if name not in here]
    new = [name for name in here if name not in run]
    advice = "choose another directory with -o, or replace the run with --fresh"
    if missing:
        which = ", ".join(missing)
        return (
            f"the run has columns that this installation does not define: {which}; "
            f"install their plug-in, or {advice}"
        )
    if new:
        which = ", ".join(new)
        return f"the run lacks columns that this installation defines: {which}; {advice}"
    return f"the columns of the run have other types or another order than here; {advice}"
