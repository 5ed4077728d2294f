"""A validated sweep: its sections, its axes, and what to record.

`Sweep` is what the rest of the program sees of a sweep file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from .. import ingredients, registry  # noqa: F401  the ingredients register themselves
from ..engine import RECORDABLE, engine_named
from ..errors import IngredientError, nearest
from ..ingredients.functions.protocol import FunctionOptions
from ..ingredients.initializers.protocol import Initializer, InitOptions
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.optimizers.protocol import OptimizerOptions
from ..ingredients.options import Context, Options
from ..ingredients.problems.minibatches import Batch
from ..ingredients.problems.parameters import count_layers
from ..ingredients.problems.protocol import Problem, ProblemOptions
from ..ingredients.schedules.protocol import ScheduleOptions
from ..random_streams import generator
from ..stopping import STOP_RULES
from ..training import Training
from .axes import Refine
from .axis import Axis
from .diagnostics import Diagnostic, diagnostics_of
from .keys import key_path
from .maps import MapAxes
from .toml_locations import Path

FAMILIES = ("problem", "init", "optimizer", "schedule")
DEFAULT_KINDS = {"schedule": "constant"}  # of tables that may be missing

NO_PREDICTIONS = "this problem has a loss, but no predictions"

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Heading(Options):
    """The keys of a sweep file outside its tables."""

    name: str = Field(max_length=100, description="Name of the sweep: letters, digits, . _ -")
    description: str = Field("", description="What the sweep is about.")
    entropy: int = Field(0, ge=0, description="Where all random numbers of the sweep come from.")

    @model_validator(mode="after")
    def _plain_name(self) -> Heading:
        if not re.fullmatch(_NAME, self.name):
            raise IngredientError(
                f'"{self.name}" is no name: use letters, digits, ".", "_" and "-", no path', "name"
            )
        return self


class Stop(Options):
    """A trial has converged when all rules given here hold, `hold` checks in a row."""

    prediction_error: float | None = Field(None, gt=0, description="max |prediction - target| ≤")
    loss: float | None = Field(None, gt=0, description="loss ≤")
    gradient_norm: float | None = Field(None, gt=0, description="norm of the gradient ≤")
    hold: int = Field(1, ge=1, description="Checks in a row that all rules must hold.")

    @model_validator(mode="after")
    def _some_rule(self) -> Stop:
        if not self.rules():
            raise IngredientError("give at least one rule: " + ", ".join(STOP_RULES))
        return self

    def rules(self) -> dict[str, float]:
        """The rules given, by name."""
        values = {rule: getattr(self, rule) for rule in STOP_RULES}
        return {rule: value for rule, value in values.items() if value is not None}


class Divergence(Options):
    """A trial whose loss passes this has diverged."""

    loss: float = Field(1e8, gt=0, description="Largest loss that is no divergence.")


class MinibatchOptions(Options):
    """Every update is made from some of the samples; a seed's are the same at every rate."""

    size: int = Field(ge=1, description="Samples an update.")
    replacement: bool = Field(
        False, description="Whether samples are drawn anew; else each comes once an epoch."
    )
    tracked: Literal["full", "batch"] = Field(
        "full",
        description="Of which samples loss, gradient_norm and prediction_error are, and with them "
        "the rules that stop or end a trial: all, or those of the next update, which is cheaper.",
    )


class Train(Options):
    """`[train]`: budget, number type, engine and rules."""

    max_steps: int = Field(ge=0, le=10**12, description="Most updates of a trial.")
    dtype: Literal["float64", "float32"] = Field("float64", description="Type of all numbers.")
    engine: Literal["numpy", "fused"] = Field(
        "numpy", description="What trains; fused is compiled and faster, and needs Numba."
    )
    stop: Stop | None = Field(None, description="When a trial has converged.")
    divergence: Divergence | Literal[False] = Field(
        Divergence(loss=1e8), description="{ loss = … }, or false: only what is not finite."
    )

    batch: MinibatchOptions | None = Field(
        None, description="{ size = …, replacement = …, tracked = … }: minibatches."
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> Train:
        if self.stop is None:
            return self
        if self.stop.hold > self.max_steps + 1:
            raise IngredientError(
                f"hold = {self.stop.hold} checks cannot be made in max_steps = {self.max_steps}",
                "stop",
                "hold",
            )
        limit = self.divergence.loss if self.divergence else np.inf
        if self.stop.loss is not None and self.stop.loss >= limit:
            raise IngredientError(
                f"a loss of {self.stop.loss:g} would count as converged and, above "
                f"{limit:g}, as diverged; the stop rule must be below the divergence",
                "stop",
                "loss",
            )
        return self

    def resolved(self) -> dict[str, Any]:
        """Everything that decides how it is trained."""
        resolved = super().resolved()
        if self.batch is None:  # as before there was one, so that old runs go on
            del resolved["batch"]
        return resolved

    def training(self) -> Training:
        """The same for the engine."""
        return Training(
            max_steps=self.max_steps,
            dtype=np.dtype(self.dtype),
            stop=self.stop.rules() if self.stop else {},
            hold=self.stop.hold if self.stop else 1,
            divergence_limit=self.divergence.loss if self.divergence else None,
            engine=self.engine,
            batch=Batch(**self.batch.model_dump()) if self.batch else None,
        )


class Record(Options):
    """`[record]`: trajectories of some trials, and final parameters and measures of all."""

    every: int | None = Field(None, ge=1, description="A row at every multiple of this step.")
    values: list[str] | None = Field(
        None,
        description="What to record: " + ", ".join(RECORDABLE),
        json_schema_extra={"items": {"enum": list(RECORDABLE), "type": "string"}},
    )
    trials: dict[str, list[Any]] | None = Field(
        None, description="Which trials: for some axes, the values to record."
    )
    final_parameters: bool = Field(False, description="Columns of final parameters in `trials`.")
    measures: list[SerializeAsAny[MeasureOptions]] = Field(
        [], description="Further columns of `trials`: names of measures, or tables with options."
    )

    @model_validator(mode="after")
    def _known_values(self) -> Record:
        for index, value in enumerate(self.values or []):
            if value not in RECORDABLE:
                hint = nearest(value, RECORDABLE)
                raise IngredientError(f'"{value}" cannot be recorded; {hint}', "values", index)
        return self


@dataclass(frozen=True)
class Sections:
    """The validated tables that describe one training."""

    problem: ProblemOptions
    init: InitOptions
    optimizer: OptimizerOptions
    schedule: ScheduleOptions
    train: Train

    def make_problem(self) -> Problem:
        """What is trained."""
        problem: Problem = registry.get("problem", self.problem.kind)(self.problem)
        return problem

    def make_initializer(self, problem: Problem | None = None) -> Initializer:
        """Where it starts; raises IngredientError where that does not fit the problem."""
        entry = registry.get("init", self.init.kind)
        initializer: Initializer = entry(self.init, problem or self.make_problem())
        return initializer


@dataclass(frozen=True)
class Sweep:
    """A whole sweep file, validated."""

    heading: Heading
    document: Mapping[str, Any]  # the tables, without those values that are axes
    dimensions: tuple[tuple[Axis, ...], ...]  # in file order; the axes of a zip move together
    record: Record
    map: MapAxes | None
    first: Sections  # with the first value of every axis
    context: Context
    source: str

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return self.heading.name

    @property
    def axes(self) -> list[Axis]:
        """All axes, in file order."""
        return [axis for dimension in self.dimensions for axis in dimension]

    @property
    def refined(self) -> Axis | None:
        """The axis whose values training finds, if there is one."""
        return next((axis for axis in self.axes if isinstance(axis.form, Refine)), None)

    def sections(self, structural: Mapping[str, Any]) -> Sections:
        """The sections with some axes' values in place; the other axes stand at their first."""
        values = {axis.key: _plain(axis.values(np.array([0]))) for axis in self.axes}
        document = with_values(self.document, values | dict(structural))
        sections, diagnostics = validate_sections(document, self.context)
        if sections is None:
            raise IngredientError("; ".join(message for _, message in diagnostics))
        return sections


def _plain(values: Any) -> Any:
    return values[0] if isinstance(values, list) else values.tolist()[0]


def with_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a document with values put in at dotted keys; `seed` is no value of it."""
    result: Any = document
    for key, value in values.items():
        if key != "seed":
            result = _with_value(result, key_path(key), value)
    return dict(result)


def _with_value(container: Any, path: Path, value: Any) -> Any:
    """A copy of nested tables and lists with one value put in; what is missing there is made."""
    if not path:
        return value
    place, rest = path[0], path[1:]
    if isinstance(place, int):
        items = list(container) if isinstance(container, list) else []
        items += [None] * (place + 1 - len(items))
        items[place] = _with_value(items[place], rest, value)
        return items
    table = dict(container) if isinstance(container, dict) else {}
    table[str(place)] = _with_value(table.get(place), rest, value)
    return table


def options_class(family: str, table: Any) -> Any:
    """The options class of `[family]` by its kind, or its function; raises IngredientError."""
    if not isinstance(table, dict):
        raise IngredientError(f"[{family}] must be a table")
    entry = _named(family, "kind", table)
    if entry.Options is FunctionOptions:  # each function has options of its own
        entry = _named("function", "function", table)
    return entry.Options


def _named(family: str, key: str, table: dict[str, Any]) -> Any:
    """The entry of a family that a table names under `key`; raises IngredientError."""
    known = registry.family(family)
    name = table.get(key, DEFAULT_KINDS.get(family))
    if name is None:
        raise IngredientError(f'missing key "{key}"; allowed: ' + ", ".join(known))
    if not isinstance(name, str):
        raise IngredientError(f"{key} is one of the texts " + ", ".join(known), key)
    if name not in known:
        hint, allowed = nearest(name, known), "allowed: " + ", ".join(known)
        hint = hint if hint == allowed else f"{hint} {allowed}"
        raise IngredientError(f'no {family} is called "{name}"; {hint}', key)
    return known[name]


def validate_sections(
    document: Mapping[str, Any], context: Context
) -> tuple[Sections | None, list[Diagnostic]]:
    """Sections of a document, and everything that is wrong in them."""
    diagnostics: list[Diagnostic] = []
    parts: dict[str, Any] = {}
    for family in (*FAMILIES, "train"):
        if family not in document and family not in DEFAULT_KINDS:
            diagnostics.append(((family,), f"the table [{family}] is missing"))
            continue
        table = document.get(family, {})
        if family == "problem" and isinstance(table, dict) and isinstance(table.get("data"), dict):
            place = ("problem", "data")
            dataset, wrong = validated("dataset", table["data"], place, context)
            if wrong:
                diagnostics += wrong
                continue
            table = table | {"data": dataset}
        parts[family], wrong = validated(family, table, (family,), context)
        diagnostics += wrong
    if diagnostics:
        return None, diagnostics
    sections = Sections(**parts)
    diagnostics = _misfits(sections, context)
    return (None, diagnostics) if diagnostics else (sections, [])


def validated(
    family: str, table: Any, place: Path, context: Context
) -> tuple[Any, list[Diagnostic]]:
    """The options in a table that stands at `place`, and everything that is wrong in it."""
    try:
        model = Train if family == "train" else options_class(family, table)
        return model.model_validate(table, context=context), []
    except IngredientError as error:
        return None, [((*place, *error.key), error.message)]
    except ValidationError as error:
        return None, diagnostics_of(error, model, place, table)


def _misfits(sections: Sections, context: Context) -> list[Diagnostic]:
    """What is wrong between sections that are right by themselves."""
    try:
        sections.problem.check_dtype(np.dtype(sections.train.dtype))
    except IngredientError as error:
        return [(("problem", *error.key), error.message)]
    problem = sections.make_problem()
    engine, training = sections.train.engine, sections.train.training()
    if training.batch and not problem.n_samples:
        message = "this problem has no samples to draw minibatches from; leave batch out"
        return [(("train", "batch"), message)]
    if training.batch and training.batch.size > problem.n_samples:
        message = f"a minibatch of {training.batch.size} is larger than the data: "
        message += f"at most {problem.n_samples} here"
        return [(("train", "batch", "size"), message)]
    refusal = engine_named(engine).refusal(problem, sections.optimizer, sections.schedule, training)
    if refusal:
        return [(("train", "engine"), f'the engine "{engine}" {refusal}')]
    rates, layers = sections.optimizer.learning_rate, count_layers(problem.arrays)
    if isinstance(rates, list) and len(rates) != layers:
        message = f"there are {len(rates)} learning rates for {layers} layers of weights: "
        message += "give one number, or one a layer"
        return [(("optimizer", "learning_rate", min(len(rates) - 1, layers)), message)]
    if "prediction_error" in training.stop and not problem.n_predictions:
        message = f"{NO_PREDICTIONS}; stop by loss or gradient_norm"
        return [(("train", "stop", "prediction_error"), message)]
    try:
        initializer = sections.make_initializer(problem)
    except IngredientError as error:
        return [(("init", *error.key), error.message)]
    if problem.n_checked_starts:
        seeds = range(min(problem.n_checked_starts, initializer.sets or problem.n_checked_starts))
        draws = [initializer.draw(generator(context.entropy, "init", seed), seed) for seed in seeds]
        starts = initializer.start(np.stack(draws, axis=1), sections.init.constants())
        try:
            problem.check(np.asarray(starts, np.float64))
        except IngredientError as error:
            return [(("problem", *error.key), error.message)]
    return []
