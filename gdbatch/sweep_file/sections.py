"""The tables that describe one training, validated one by one and then together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from .. import registry
from ..engine import engine_named
from ..errors import IngredientError
from ..ingredients.initializers.protocol import Initializer, InitOptions
from ..ingredients.optimizers.protocol import OptimizerOptions
from ..ingredients.options import Context, Options
from ..ingredients.problems.parameters import count_layers
from ..ingredients.problems.protocol import Problem, ProblemOptions
from ..ingredients.problems.quantities import QUANTITIES
from ..ingredients.schedules.protocol import ScheduleOptions
from ..training import Training
from .diagnostics import Diagnostic
from .families import SECTIONS, default_kind, validated
from .keys import key_path
from .toml_locations import Path
from .train import MOST_STEPS, Train


@dataclass(frozen=True)
class Sections:
    """The validated tables that describe one training."""

    problem: ProblemOptions
    init: InitOptions
    optimizer: OptimizerOptions
    schedule: ScheduleOptions
    train: Train

    def make_problem(self) -> Problem:
        """The problem to train."""
        problem: Problem = registry.get("problem", self.problem.kind)(self.problem)
        return problem

    def make_initializer(self, problem: Problem | None = None) -> Initializer:
        """The initializer; raises IngredientError if it does not fit the problem."""
        entry = registry.get("init", self.init.kind)
        initializer: Initializer = entry(self.init, problem or self.make_problem())
        return initializer


def with_values(document: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """A copy of a document with values set at dotted keys; skips `seed`."""
    result: object = dict(document)
    for key in sorted(values, key=lambda key: key.count(".")):  # a table before its keys
        if key != "seed":
            result = _with_value(result, key_path(key), values[key])
    return cast(dict[str, object], result)


def _with_value(container: object, path: Path, value: object) -> object:
    """A copy of nested tables and lists with one value set; creates missing ones."""
    if not path:
        return value
    place, rest = path[0], path[1:]
    if isinstance(place, int):
        items = list(container) if isinstance(container, list) else []
        items += [None] * (place + 1 - len(items))
        items[place] = _with_value(items[place], rest, value)
        return items
    table = dict(container) if isinstance(container, dict) else {}
    table[place] = _with_value(table.get(place), rest, value)
    return table


def validate_sections(
    document: Mapping[str, object], context: Context
) -> tuple[Sections | None, list[Diagnostic]]:
    """The sections of a document, or None and their errors."""
    diagnostics: list[Diagnostic] = []
    parts: dict[str, Options | None] = {}
    for family in SECTIONS:
        if family not in document and (family == "train" or default_kind(family) is None):
            diagnostics.append(((family,), f"the table [{family}] is missing"))
            continue
        parts[family], wrong = validated(family, document.get(family, {}), (family,), context)
        diagnostics += wrong
    if diagnostics:
        return None, diagnostics
    sections = Sections(**parts)  # type: ignore[arg-type]  # each family's options are of its class
    diagnostics = list(_misfits(sections, context))
    return (None, diagnostics) if diagnostics else (sections, [])


def _misfits(sections: Sections, context: Context) -> Iterator[Diagnostic]:
    """Errors between sections that are valid on their own."""
    try:
        sections.problem.check_dtype(np.dtype(sections.train.dtype))
        problem = sections.make_problem()
    except IngredientError as error:
        yield ("problem", *error.key), error.message
        return
    engine, training = sections.train.engine, sections.train.training(problem.n_samples)
    refusal = engine_named(engine).refusal(problem, sections.optimizer, sections.schedule, training)
    misfit = _batch_misfit(sections.train, problem)
    if misfit is not None:
        yield misfit
    elif refusal:
        yield ("train", "engine"), f'the engine "{engine}" {refusal}'
    if misfit is None:
        yield from _budget_misfits(sections.train, training)
    rates = sections.optimizer.learning_rate
    layers = count_layers(problem.arrays)
    if isinstance(rates, list) and len(rates) != layers:
        message = f"there are {len(rates)} learning rates for {layers} layers of weights: "
        message += "give one number, or one per layer"
        yield ("optimizer", "learning_rate", min(len(rates) - 1, layers)), message
    power = registry.get("optimizer", sections.optimizer.kind).gradient_power
    if problem.scaling is not None and power is None:
        message = f"{sections.optimizer.kind} does not say how its updates scale with the gradient "
        message += "(`gradient_power`), so only the standard parametrization is known for it"
        yield ("optimizer", "kind"), message
    for name in training.stop:
        lacking = registry.get("stop_rule", name).lacking(problem)
        if lacking:
            yield ("train", "stop", name), lacking
    if training.patience is not None:
        lacking = QUANTITIES[training.patience_on].lacking(problem)
        if lacking:
            yield ("train", "stop", "on"), lacking
    try:
        initializer = sections.make_initializer(problem)
    except IngredientError as error:
        yield ("init", *error.key), error.message
        return
    if problem.n_checked_starts:
        seeds = range(min(problem.n_checked_starts, initializer.sets or problem.n_checked_starts))
        draws = [initializer.draws(context.entropy, seed) for seed in seeds]
        starts = initializer.start(np.stack(draws, axis=1), sections.init.lane_numbers())
        try:
            problem.check(np.asarray(starts, np.float64))
        except IngredientError as error:
            yield ("problem", *error.key), error.message


def _budget_misfits(train: Train, training: Training) -> Iterator[Diagnostic]:
    budget = f"max_steps = {train.max_steps}"
    if train.max_epochs is not None:
        budget = f"max_epochs = {train.max_epochs}, which is {training.max_steps} updates,"
        if training.max_steps > MOST_STEPS:
            yield ("train", "max_epochs"), f"{budget} exceeds 10¹² updates"
    if training.hold > training.max_steps + 1:
        message = f"hold = {training.hold} exceeds the {training.max_steps + 1} checks that "
        yield ("train", "stop", "hold"), f"{message}{budget} allows"


def _batch_misfit(train: Train, problem: Problem) -> Diagnostic | None:
    if train.batch is None:
        return None
    if not problem.n_samples:
        message = "this problem has no samples to draw minibatches from; leave batch out"
        return ("train", "batch"), message
    if train.batch.size > problem.n_samples:
        message = f"a minibatch of {train.batch.size} is larger than the data: "
        return ("train", "batch", "size"), f"{message}at most {problem.n_samples} here"
    is_partial = train.batch.drop_last is False and problem.n_samples % train.batch.size
    if is_partial and not problem.takes_partial_batches:
        message = "the loss of this problem cannot leave out samples of a smaller last minibatch; "
        return ("train", "batch", "drop_last"), f"{message}leave drop_last out, or set it to true"
    return None
