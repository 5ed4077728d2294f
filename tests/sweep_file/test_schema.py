"""The JSON Schema accepts every valid sweep file, whichever of its keys are axes.

The tests of the command check that it equals the shipped file and accepts every shipped sweep.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest

from gdbatch import registry
from gdbatch.sweep_file.schema import json_schema
from tests.documents import document


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


def without(table: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    source = document(changes)
    del source[table]
    return source


TABLES = [{"kind": "adam"}, {"kind": "momentum", "label": "slow"}]
ACCEPTED: dict[str, dict[str, Any]] = {
    "tables": without("optimizer", {"axes.optimizer": TABLES}),
    "kinds": without("optimizer", {"axes": {"optimizer.kind": ["adam", "lion"]}}),
    "kinds of a table": document(
        {"optimizer": {"decoupled": True}, "axes": {"optimizer.kind": ["adam", "lion"]}}
    ),
    "tables in a zip": without(
        "init", {"axes": {"zip": [{"init": [{"kind": "he"}], "learning_rate": [1.0]}]}}
    ),
    "functions": document({"problem": {"kind": "function"}, "axes": {"function": ["cubic"]}}),
    "a schedule without a kind": document({"schedule": {"warm_up": 3}}),
    "every rule": document({"train.stop": dict.fromkeys(registry.family("stop_rule"), 0.1)}),
}
REFUSED: dict[str, dict[str, Any]] = {
    "no optimizer": without("optimizer"),
    "no problem": without("problem"),
    "no kind": document({"optimizer": {"decoupled": True}}),
    "a rule of zero": document({"train.stop": {"loss": 0}}),
    "an engine": document({"train.engine": "numpyy"}),
    "a value to record": document({"record.values": ["los"]}),
    "a measure": document({"record.measures": ["best_los"]}),
}


@pytest.mark.parametrize("source", ACCEPTED.values(), ids=ACCEPTED)
def test_the_schema_accepts(
    validator: jsonschema.Draft202012Validator, source: dict[str, Any]
) -> None:
    validator.validate(source)


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_the_schema_refuses(
    validator: jsonschema.Draft202012Validator, source: dict[str, Any]
) -> None:
    assert not validator.is_valid(source)


def test_definitions_have_names_that_do_not_depend_on_modules() -> None:
    names = json_schema()["$defs"]
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)?", name) for name in names)
    assert {f"optimizer.{name}" for name in registry.family("optimizer")} <= {*names}
