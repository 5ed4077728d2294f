"""Measures in a run: chosen in the sweep file, stored as columns of `trials`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdbatch.api import load_run
from gdbatch.errors import SweepFileError
from gdbatch.plan import Plan
from gdbatch.run import runner
from gdbatch.run.estimate import estimate
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.schema import json_schema
from tests.documents import document
from tests.engine.test_measures import MEASURES, NEEDED
from tests.run.helpers import parts_of, structured, sweep_in

_OF_ALL = NEEDED | {"coordinate_check": {"layers": [1]}}  # some groups have only one layer
ALL: list[Any] = [{"kind": name, **_OF_ALL.get(name, {})} for name in MEASURES]
ALL.append({"kind": "mean_loss", "last": 3})


def test_measures_follow_all_other_columns_in_order(tmp_path: Path) -> None:
    wanted = ["period", {"kind": "loss_at", "steps": [7, 0]}, "best_loss"]
    run = sweep_in(tmp_path / "run", structured({"record.measures": wanted}))
    names = ["period", "loss_at_7", "loss_at_0", "best_loss", "best_loss_step"]
    types = [pa.int64(), pa.float64(), pa.float64(), pa.float64(), pa.int64()]
    for part in sorted((run.path / "trials").iterdir()):
        schema = pq.read_schema(part)
        assert schema.names[-5:] == names
        assert schema.names[-6] == "bias_1_0"
        assert schema.types[-5:] == types
    trials = run.trials()
    assert np.array_equal(trials["loss_at_0"], trials["initial_loss"])
    assert (trials["best_loss"] <= trials["final_loss"]).all()
    assert trials.loc[trials["steps"] < 7, "loss_at_7"].isna().all()


def test_measures_change_no_other_column_and_no_answer(tmp_path: Path) -> None:
    plain = sweep_in(tmp_path / "plain", document())
    run = sweep_in(tmp_path / "run", document({"record.measures": ALL}))
    assert plain.trials().equals(run.trials()[list(plain.trials().columns)])
    assert plain.trajectories().equals(run.trajectories())
    assert plain.summary.equals(run.summary)
    assert plain.answer == run.answer
    assert load_run(run.path).trials().equals(run.trials())


def test_workers_and_resumes_give_the_same_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_WORTH_WORKERS", 0)
    source = structured({"record.measures": ALL})
    whole = parts_of(sweep_in(tmp_path / "run", source).path)
    assert parts_of(sweep_in(tmp_path / "two", source, jobs=2).path) == whole
    (tmp_path / "run/trials/part-000000000001.parquet").unlink()
    assert parts_of(sweep_in(tmp_path / "run", source).path) == whole


@pytest.mark.long
def test_the_fused_engine_is_measured_too(tmp_path: Path) -> None:
    source = document({"record.measures": ALL})
    plain = sweep_in(tmp_path / "plain", source).trials()
    fused = sweep_in(tmp_path / "fused", source, engine="fused").trials()
    columns = list(plain.columns)
    for name in columns[columns.index("gradient_norm") + 1 :]:
        assert np.allclose(plain[name], fused[name], rtol=1e-9, equal_nan=True), name


def test_a_dry_run_includes_the_cost_of_measures() -> None:
    def bytes_of(*measures: Any) -> int:
        plan = Plan(read_sweep(document({"record.measures": list(measures)})))
        return estimate(plan, 1, 0.01).bytes

    assert bytes_of("best_loss", "period") == bytes_of() + 12 * 3 * 4


BAD: dict[str, tuple[Any, str]] = {
    "a misspelt name": (["best_los"], r'unknown measure "best_los"; did you mean "best_loss"'),
    "a misspelt kind": ([{"kind": "sharpnes"}], r'kind: .*did you mean "sharpness"'),
    "no kind": ([{"last": 3}], 'missing key "kind"'),
    "a number": ([3], "a measure must be a name or a table"),
    "no list": ("best_loss", "must be a list"),
    "a missing option": (["loss_at"], 'loss_at needs options: { kind = "loss_at", steps = … }'),
    "an unknown option": ([{"kind": "mean_loss", "lats": 3}], 'did you mean "last"'),
    "no whole number": ([{"kind": "mean_loss", "last": 2.5}], "must be a whole number"),
    "no steps": ([{"kind": "loss_at", "steps": []}], "a list of at least 1"),
    "a step before the first": ([{"kind": "loss_at", "steps": [3, -1]}], "there is no step -1"),
    "a step twice": ([{"kind": "loss_at", "steps": [3, 3]}], 'a column "loss_at_3" already'),
    "a measure twice": (["period", "period"], 'there is a column "period" already'),
    "a tolerance below 0": ([{"kind": "period", "tolerance": -1.0}], "must be a number above 0"),
}  # fmt: skip


@pytest.mark.parametrize(("measures", "message"), BAD.values(), ids=BAD)
def test_an_invalid_measure_gives_one_clear_message(measures: Any, message: str) -> None:
    with pytest.raises(SweepFileError, match=message) as caught:
        read_sweep(document({"record.measures": measures}))
    assert len(caught.value.problems) == 1
    assert str(caught.value.problems[0]).count("record.measures") == 1


def test_the_schema_accepts_what_the_reader_accepts() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(json_schema())))
    assert validator.is_valid(document({"record.measures": ALL}))
    for name in ("a misspelt name", "no kind", "a number", "a missing option", "an unknown option"):
        assert not validator.is_valid(document({"record.measures": BAD[name][0]})), name
