"""Minibatches: their samples, independence of blocks, and the values computed on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Recording, Task, train
from gdbatch.ingredients.functions.problem import FunctionProblem
from gdbatch.ingredients.problems.minibatches import (
    Batch,
    Minibatches,
    keys_of,
    number_of,
    samples_at,
)
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.ingredients.problems.protocol import ChosenSamples, Evaluation
from gdbatch.training import Training
from tests.documents import plan_of
from tests.engine.helpers import (
    F32,
    F64,
    FORMS,
    LOSSES,
    Array,
    batch_key_of,
    bytes_of,
    evaluated,
    network,
    outcomes,
    present,
    random_parameters,
    some_of,
    task_of,
)

KINDS = {
    "epochs": Batch(4),
    "across epochs": Batch(5),
    "replacement": Batch(4, replacement=True),
    "tracked by themselves": Batch(3, tracked="batch"),
    "of one": Batch(1, replacement=True, tracked="batch"),
    "of all": Batch(12),
    "last smaller": Batch(5, drop_last=False),
    "last of one, tracked": Batch(11, tracked="batch", drop_last=False),
    "last dropped": Batch(5, drop_last=True),
}
every_kind = pytest.mark.parametrize("batch", KINDS.values(), ids=KINDS)

# samples -------------------------------------------------------------------------------------

WORD = 2**64


def split_mix(start: int, number: int) -> int:
    """The generator of the paper, in Python integers."""
    word = (start + (number + 1) * 0x9E3779B97F4A7C15) % WORD
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    return word ^ (word >> 31)


def plainly(batch: Batch, samples: int, key: int, step: int) -> list[int]:
    """The samples of a minibatch, as the module's docstring defines them."""
    found = []
    per_epoch = {"carry": 0, False: -(-samples // batch.size), True: samples // batch.size}
    updates = per_epoch[batch.drop_last]
    for slot in range(batch.size):
        if batch.replacement:
            found.append((split_mix(split_mix(key, step), slot) >> 32) * samples >> 32)
            continue
        epoch, place = divmod(step * batch.size + slot, samples)
        if updates:
            epoch, place = step // updates, step % updates * batch.size + slot
            if place >= samples:
                break
        start = split_mix(key, epoch)
        found.append(sorted(range(samples), key=lambda one: split_mix(start, one))[place])
    return found


def test_random_numbers_match_split_mix() -> None:
    # published with the algorithm on rosettacode.org, for the start 1234567
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    start = np.array([1234567], np.uint64)
    assert number_of(start, np.arange(3)).tolist() == published
    assert [split_mix(1234567, one) for one in range(3)] == published


@every_kind
def test_samples_follow_the_documented_method(batch: Batch) -> None:
    for key in (0, 5, WORD - 1):
        for step in (0, 1, 2, 3, 1000, 10**9):
            assert samples_at(batch, 12, key, step) == plainly(batch, 12, key, step)


@pytest.mark.parametrize("size", [1, 4, 5, 12])
def test_every_sample_occurs_once_per_epoch(size: int) -> None:
    stream = [one for step in range(60) for one in samples_at(Batch(size), 12, 7, step)]
    epochs = np.array(stream[: len(stream) // 12 * 12]).reshape(-1, 12)
    assert (np.sort(epochs, axis=1) == np.arange(12)).all()
    assert len(np.unique(epochs, axis=0)) == len(epochs)  # each in a different order


def test_the_rest_of_an_epoch_is_used_or_dropped() -> None:
    for drop_last, sizes in ((False, [5, 5, 2]), (True, [5, 5])):
        batch = Batch(5, drop_last=drop_last)
        steps = range(2 * len(sizes))
        assert [len(samples_at(batch, 12, 7, step)) for step in steps] == 2 * sizes
        epoch = [one for step in range(len(sizes)) for one in samples_at(batch, 12, 7, step)]
        assert epoch == samples_at(Batch(12), 12, 7, 0)[: sum(sizes)]
        assert (batch.updates(1, 12), batch.updates(4, 12)) == (len(sizes), 4 * len(sizes))
    assert [Batch(5).updates(epochs, 12) for epochs in (1, 5)] == [2, 12]


def drawn(batch: Batch, samples: int, lanes: int) -> Array:
    """The samples of the first update of many seeds, (batch, lanes)."""
    keys = keys_of(0, np.arange(lanes))
    return np.array([samples_at(batch, samples, int(key), 3) for key in keys]).T


@pytest.mark.parametrize("replacement", [False, True])
def test_samples_are_equally_frequent(replacement: bool) -> None:
    chosen = drawn(Batch(4, replacement), 10, 2000)
    counts = np.bincount(chosen.ravel(), minlength=10)
    # chi-square with 9 degrees of freedom exceeds 27.9 once in 1,000 times
    assert ((counts - 800) ** 2 / 800).sum() < 27.9
    pairs = np.bincount(chosen[0] * 10 + chosen[1], minlength=100)
    expected = np.full(100, 20.0) if replacement else np.where(np.eye(10).ravel() == 1, 0, 200 / 9)
    possible = expected > 0
    assert not pairs[~possible].any()
    # with 99 or 89 degrees it exceeds 148.2 at most once in 1,000 times
    assert ((pairs - expected)[possible] ** 2 / expected[possible]).sum() < 148.2


# seeds and blocks ----------------------------------------------------------------------------

TRIALS = 24


def problem_of(form: str | None = None, **options: Any) -> Network:
    several: dict[str, Any] = {"samples": 12, "activation": "tanh", "bias": True} | options
    return network([2, 3, 1], form=form, **several)


def sweep_of(batch: Batch | None, dtype: Any = F64, form: str | None = None) -> Task:
    """Rates over three decades and three seeds; some trials overflow and some converge."""
    names = ["tanh", "identity"]
    problem = problem_of(form, activation=names, loss="mean_squared_error")
    training = Training(150, dtype, {"loss": 0.07}, 2, divergence_factor=None, batch=batch)
    rates = np.tile(np.geomspace(0.03, 30, TRIALS // 3), 3)
    return task_of(problem, training, rates, np.repeat([0, 1, 2], TRIALS // 3))


@every_kind
def test_a_seed_has_the_same_minibatches_at_every_rate_and_step(batch: Batch) -> None:
    task = sweep_of(batch)
    rows = np.random.default_rng(0).permutation(TRIALS)
    lanes = task.fresh_lanes(rows)
    minibatches = Minibatches(batch, 12, lanes["batch_key"], lanes["step"])
    steps = np.random.default_rng(1).integers(0, 9, (5, TRIALS))
    for now in (*steps, steps[0]):  # forwards and backwards
        lanes["step"][:] = now
        minibatches.draw()
        for lane, row in enumerate(rows):
            wanted = samples_at(batch, 12, batch_key_of(task, row), int(now[lane]))
            assert minibatches.chosen[: len(wanted), lane].tolist() == wanted
            if minibatches.counts is not None:
                assert minibatches.counts[lane] == len(wanted)
                assert set(minibatches.chosen[len(wanted) :, lane]) <= {wanted[0]}
    assert batch_key_of(task, 0) == batch_key_of(task, TRIALS // 3 - 1)
    assert len({batch_key_of(task, row) for row in range(TRIALS)}) == 3


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("form", FORMS)
@every_kind
def test_a_trial_is_the_same_in_every_block(
    batch: Batch, form: str, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = sweep_of(batch, dtype, form)
    results = train(task, keep_parameters=True)
    expected = bytes_of(results)
    assert {"converged", "diverged"} <= {*outcomes(results)} or batch.size == 1
    mixed = np.random.default_rng(0).permutation(TRIALS)
    for width, order in ((1, np.arange(TRIALS)), (9, mixed), (64, mixed[::-1])):
        other = some_of(task, order)
        monkeypatch.setattr(other.problem, "block_width", lambda *shape, width=width: width)
        found = bytes_of(train(other, keep_parameters=True))
        assert found == [expected[row] for row in order]
    alone = bytes_of(train(some_of(task, [10]), keep_parameters=True))
    assert alone == [expected[10]]


# losses and gradients ------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layers", [[2, 2], [2, 3, 2]], ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("partial", [False, True], ids=["whole", "partial"])
def test_a_minibatch_equals_a_problem_with_only_its_samples(
    loss: str, layers: list[int], form: str, partial: bool
) -> None:
    """So means and sums are over the minibatch."""
    problem = network(layers, samples=7, loss=loss, bias=True, form=form)
    parameters, lanes = random_parameters(problem, 9), 9
    chosen: Array = np.random.default_rng(3).integers(0, 7, (4, lanes))
    if partial:
        chosen[:] = np.where(np.arange(4)[:, None] > np.arange(lanes) % 4, chosen[0], chosen)
    out = Evaluation(np.empty_like(parameters), np.empty(lanes), None, np.empty(lanes))
    counts = np.arange(lanes) % 4 + 1 if partial else None
    evaluator = problem.evaluator(lanes, F64, ChosenSamples(chosen, counts))
    evaluator.prepare(parameters, {}, np.zeros(lanes, np.int64), out)()
    assert out.loss is not None
    assert out.prediction_error is not None
    for lane in range(lanes):
        rows = chosen[: None if counts is None else counts[lane], lane]
        some = {
            "inputs": problem.layers.inputs[rows].tolist(),
            "targets": problem.layers.targets[rows].tolist(),
        }
        alone = network(layers, loss=loss, bias=True, **some)
        wanted = evaluated(alone, parameters[:, [lane] * 8])
        assert wanted.loss is not None
        assert wanted.prediction_error is not None
        np.testing.assert_allclose(
            present(out.gradient)[:, lane], present(wanted.gradient)[:, 0], 1e-12, 1e-14
        )
        np.testing.assert_allclose(out.loss[lane], wanted.loss[0], 1e-13)
        np.testing.assert_allclose(out.prediction_error[lane], wanted.prediction_error[0], 1e-13)


@pytest.mark.parametrize("tracked", ["full", "batch"])
@pytest.mark.parametrize("form", FORMS)
def test_a_minibatch_of_all_samples_equals_full_batch_descent(form: str, tracked: Any) -> None:
    rates, results = np.geomspace(0.01, 0.5, 8), []
    for batch in (None, Batch(12, tracked=tracked)):
        training = Training(200, stop={"loss": 0.08}, batch=batch)
        problem = problem_of(form, loss="mean_squared_error")
        results.append(train(task_of(problem, training, rates, 1), keep_parameters=True))
    full, whole = results
    assert outcomes(full) == outcomes(whole)
    assert full.steps.tolist() == whole.steps.tolist()
    assert full.final_parameters is not None
    assert whole.final_parameters is not None
    np.testing.assert_allclose(whole.final_parameters, full.final_parameters, 1e-12, 1e-12)
    np.testing.assert_allclose(whole.final_loss, full.final_loss, 1e-12)


@every_kind
def test_trajectories_record_the_tracked_samples(batch: Batch) -> None:
    task = sweep_of(batch)
    problem = task.problem
    rows = np.array([0, 9])
    recording = Recording(rows, 7, ("loss", "prediction", "parameters", "gradient_norm"))
    results = train(task, recording)
    table = results.trajectories
    for index, (row, step) in enumerate(zip(table["row"], table["step"], strict=True)):
        parameters = table["parameters"][:, [index] * 8]
        everything = evaluated(problem, parameters)  # type: ignore[arg-type]
        assert everything.predictions is not None
        np.testing.assert_allclose(table["prediction"][:, index], everything.predictions[:, 0])
        tracked = everything
        if batch.tracked == "batch":
            samples = samples_at(batch, 12, batch_key_of(task, row), int(step))
            chosen = np.tile(np.array(samples)[:, None], 8)
            tracked = Evaluation(np.empty_like(parameters), np.empty(8))
            evaluator = problem.evaluator(8, F64, ChosenSamples(chosen))
            evaluator.prepare(parameters, {}, np.zeros(8, np.int64), tracked)()
        assert tracked.loss is not None
        np.testing.assert_allclose(table["loss"][0, index], tracked.loss[0], 1e-12)
        norm = np.linalg.norm(present(tracked.gradient)[:, 0])
        np.testing.assert_allclose(table["gradient_norm"][0, index], norm, 1e-12)
    for row in rows:
        last = np.flatnonzero(table["row"] == row)[-1]
        assert table["step"][last] == results.steps[row]
        assert table["loss"][0, last] == results.final_loss[row]


def test_an_unchanged_minibatch_update_is_not_a_stall() -> None:
    # the first sample's loss is 0 from the start, the second's is not
    problem = network([1, 1], inputs=[[0.0], [1.0]], targets=[[0.0], [0.5]], activation="identity")
    training = Training(400, stop={"loss": 1e-6}, batch=Batch(1, replacement=True))
    results = train(task_of(problem, training, np.full(20, 0.25), np.arange(20)))
    assert {*outcomes(results)} == {"converged"}


@pytest.mark.parametrize("partial", [False, True], ids=["whole", "partial"])
@pytest.mark.parametrize("function", ["least_squares", "logistic_regression"])
def test_a_regression_minibatch_equals_a_problem_with_only_its_samples(
    function: str, partial: bool
) -> None:
    random = np.random.default_rng(5)
    inputs, targets = random.normal(size=(7, 2)), random.uniform(size=(7, 1))
    entry = registry.get("function", function)

    def problem_of(rows: Any) -> FunctionProblem:
        some = {"inputs": inputs[rows].tolist(), "targets": targets[rows].tolist()}
        options = {"kind": "function", "function": function, "ridge": 0.2, "intercept": True}
        return FunctionProblem(entry.Options(**options, **some))

    def filled(
        problem: FunctionProblem, x: Array, chosen: ChosenSamples | None = None
    ) -> Evaluation:
        lanes = x.shape[1]
        out = Evaluation(np.empty_like(x), np.empty(lanes))
        problem.evaluator(lanes, F64, chosen).prepare(x, {}, np.zeros(lanes, np.int64), out)()
        return out

    x, chosen = random.normal(size=(3, 9)), random.integers(0, 7, (4, 9))
    counts = np.arange(9) % 4 + 1 if partial else None
    found = filled(problem_of(slice(None)), x, ChosenSamples(chosen, counts))
    assert found.loss is not None
    for lane in range(9):
        rows = chosen[: None if counts is None else counts[lane], lane]
        wanted = filled(problem_of(rows), x[:, [lane] * 8])
        assert wanted.loss is not None
        np.testing.assert_allclose(
            present(found.gradient)[:, lane], present(wanted.gradient)[:, 0], 1e-12
        )
        np.testing.assert_allclose(found.loss[lane], wanted.loss[0], 1e-12)


@every_kind
def test_a_regression_on_minibatches_is_the_same_in_every_block(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(
        problem={
            "kind": "function", "function": "least_squares",
            "data": {"kind": "linear", "inputs": 2, "noise": 0.1, "samples": 12},
        },
        train={"max_steps": 150, "stop": {"loss": 0.01}, "batch": vars(batch)},
        axes={"learning_rate": {"log10": [-2, 1], "num": 12}, "seed": {"count": 2}},
    )  # fmt: skip
    task = plan.task_of(0, np.arange(24))
    expected = bytes_of(train(task, keep_parameters=True))
    mixed = np.random.default_rng(0).permutation(24)
    other = some_of(task, mixed)
    monkeypatch.setattr(other.problem, "block_width", lambda *shape: 9)
    found = bytes_of(train(other, keep_parameters=True))
    assert found == [expected[row] for row in mixed]
