"""The identity of a plan: what its hash covers, and how two plans differ."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sweep_file import Sweep
from ..sweep_file.keys import short_name
from ..sweep_file.sections import Sections

RESULTS_VERSION = 4  # incremented when the same sweep would give other `trials`

_NOT_IN_TRIALS = ("name", "description", "answer")
_IN_TRIALS = ("final_parameters", "measures")  # of [record]
_CONTENTS = ("problem", "init", "optimizer", "schedule", "train")
_KEPT_ARRAYS = 64  # arrays whose digests are cached
_OFF = (None, False, 0, "")  # how new options begin
_LONGEST = 60  # characters of a value in a message


def resolved(sweep: Sweep) -> dict[str, object]:
    """A sweep with every default written out, as plain data."""
    first = sweep.first
    return {
        **sweep.heading.model_dump(mode="json"),
        "problem": first.problem.model_dump(mode="json"),
        "init": first.init.model_dump(mode="json"),
        "optimizer": first.optimizer.model_dump(mode="json"),
        "schedule": first.schedule.model_dump(mode="json"),
        "train": first.train.model_dump(mode="json"),
        "axes": [[axis.resolved() for axis in dimension] for dimension in sweep.dimensions],
        "record": sweep.record.model_dump(mode="json"),
        "answer": sweep.answer.model_dump(mode="json"),
        "search": sweep.search.facts(),
    }


class ContentDigest:
    """The digest of the sections of all groups, added one by one.

    Files count by their contents, not by their names.
    """

    def __init__(self) -> None:
        self._digests = {name: hashlib.sha256() for name in _CONTENTS}
        self._arrays: list[tuple[NDArray[np.generic], str]] = []

    def add(self, sections: Sections) -> None:
        """Add the sections of the next group."""
        for name, digest in self._digests.items():
            digest.update(_as_text(getattr(sections, name).resolved(), self._of_array))

    def as_data(self) -> dict[str, str]:
        """The digest of each section."""
        return {name: digest.hexdigest() for name, digest in self._digests.items()}

    def _of_array(self, array: object) -> list[object]:
        """The JSON stand-in for an array; an array that groups share is hashed once."""
        assert isinstance(array, np.ndarray)
        digest = next((digest for known, digest in self._arrays if known is array), None)
        if digest is None:
            digest = hashlib.sha256(array.tobytes()).hexdigest()
            self._arrays = [*self._arrays[1 - _KEPT_ARRAYS :], (array, digest)]
        return [str(array.dtype), array.shape, digest]


def plan_hash(identity: Mapping[str, Any]) -> str:
    """The digest of what determines `trials`, so not of names, descriptions or recording."""
    sweep = identity["sweep"]
    covered: dict[str, object] = {"entropy": sweep["entropy"], "axes": sweep["axes"]}
    covered["search"] = sweep["search"]
    covered |= {key: sweep["record"][key] for key in _IN_TRIALS}
    covered |= {key: identity[key] for key in ("results_version", "contents")}
    return _digest(covered)


def recording_hash(sweep: Sweep) -> str:
    """The digest of what else determines `trajectories`."""
    recorded = sweep.record.model_dump(mode="json", exclude={"measures"}, exclude_defaults=True)
    return _digest(recorded)


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], written: Mapping[str, str] | None = None
) -> list[str]:
    """How two identities differ in what determines `trials`: a line per key, old → new.

    written: how the axes of the new one are named in its sweep file, by key.

    >>> old = {"sweep": {"train": {"max_steps": 10}, "axes": []}, "results_version": 2}
    >>> differences(old, {**old, "sweep": {"train": {"max_steps": 20}, "axes": []}})
    ['train.max_steps: 10 → 20']

    A key that the old identity does not have is a new option; it is named unless it is off, or the
    old identity is of another version of results, which explains enough.
    """
    names = _names([*_axes(old["sweep"]), *_axes(new["sweep"])], written or {})
    before, after = (dict(_flat(_covered(one["sweep"], names))) for one in (old, new))
    keys = [key for key in dict.fromkeys([*before, *after]) if key not in names]
    changes = [(key, before.get(key), after.get(key)) for key in keys]
    order, other_order = (
        [names[axis["key"]].removeprefix("axes.") for axis in _axes(one["sweep"])]
        for one in (old, new)
    )
    if sorted(order) == sorted(other_order):
        changes.append(("the order of axes", order, other_order))
    changes.append(("the version of results", old.get("results_version"), new["results_version"]))
    is_older = old.get("results_version") != new["results_version"]
    lines = [
        f"{key}: {_shortened(one)} → {_shortened(other)}"
        for key, one, other in changes
        if one != other and not (key not in before and key in after and (is_older or other in _OFF))
    ]
    if lines:
        return lines
    contents = [one.get("contents") or {} for one in (old, new)]
    changed = [key for key in contents[1] if contents[0].get(key) != contents[1][key]]
    return [f"{key}: the content of a file or dataset" for key in changed]


def _names(axes: Iterable[Mapping[str, Any]], written: Mapping[str, str]) -> dict[str, str]:
    """The names of axes in the sweep file, by key; short where nothing tells them."""
    keys = {str(axis["key"]) for axis in axes}
    counts = Counter(map(short_name, keys))
    short = {key: short_name(key) if counts[short_name(key)] == 1 else key for key in keys}
    return {key: written.get(key) or f"axes.{short[key]}" for key in keys}


def _covered(sweep: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, object]:
    """What determines `trials` in a resolved sweep, with an entry per axis."""
    covered = {key: value for key, value in sweep.items() if key not in _NOT_IN_TRIALS}
    record = sweep.get("record", {})
    covered["record"] = {key: record[key] for key in _IN_TRIALS if record.get(key)}
    del covered["axes"]
    covered |= {names[axis["key"]]: _form(axis) for axis in _axes(sweep)}
    problem = sweep.get("problem") or {}
    data = problem.get("data")
    if isinstance(data, Mapping) and data.get("kind") == "given":
        covered["problem"] = {**problem, "data": _given(data)}
    return covered


def _given(data: Mapping[str, Any]) -> str:
    """Data from Python in words."""
    size = f"{data['rows']} rows, {data['columns']} columns"
    return f"{data['type']} from Python, {size}, digest {data['digest'][:8]}"


def _axes(sweep: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(itertools.chain.from_iterable(sweep["axes"]))


def _form(axis: Mapping[str, Any]) -> object:
    """A list of values, or the table that describes them."""
    return axis.get("listed", {key: value for key, value in axis.items() if key != "key"})


def _flat(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """The dotted keys and values of nested tables."""
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from _flat(inner, f"{key}.{name}" if key else name)


def _shortened(value: object) -> str:
    if value is None:
        return "not set"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _digest(data: Mapping[str, object]) -> str:
    return hashlib.sha256(_as_text(data)).hexdigest()


def _as_text(data: object, of_array: Callable[[object], object] | None = None) -> bytes:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=of_array)
    return text.encode() + b"\n"
