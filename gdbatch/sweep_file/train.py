"""The tables of a sweep file that are not ingredients: its heading and `[train]`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .. import registry
from ..errors import IngredientError, nearest
from ..ingredients.options import Options
from ..ingredients.problems.minibatches import Batch
from ..ingredients.problems.quantities import QUANTITIES
from ..training import Training
from .text import shortened

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Heading(Options):
    """The keys of a sweep file outside its tables."""

    name: str = Field(max_length=100, description="Name of the sweep: letters, digits, . _ -")
    description: str = Field("", description="What the sweep is about.")
    entropy: int = Field(
        0, ge=0, lt=2**128, description="Determines all random numbers of the sweep."
    )

    @model_validator(mode="after")
    def _plain_name(self) -> Heading:
        if not re.fullmatch(_NAME, self.name):
            raise IngredientError(
                f'"{shortened(self.name)}" cannot be a name: use letters, digits, ".", "_" and '
                '"-", not a path',
                "name",
            )
        return self


MOST_STEPS = 10**12
_DEFAULT_EVERY = 10  # without minibatches


def refuse_both(options: Options, key: str, other: str) -> None:
    """Raises IngredientError if two options that exclude each other are given."""
    if None not in (getattr(options, key), getattr(options, other)):
        raise IngredientError(f"{key} is given too; leave one of them out", other)


class Stop(Options):
    """When a trial ends before its budget.

    It has converged when all rules given here hold at `hold` checks in a row. With `patience`, it
    also ends, as early_stopped, when that many evaluations in a row were not better than the best.
    """

    model_config = ConfigDict(extra="allow")  # the rules of the family "stop_rule"

    hold: int = Field(1, ge=1, description="Checks in a row that must meet all rules.")
    patience: int | None = Field(
        None, ge=1, description="Evaluations without a better value of `on` that end a trial."
    )
    on: str = Field(
        "validation_loss",
        description="What `patience` refers to.",
        json_schema_extra={"enum": [*QUANTITIES]},
    )
    __pydantic_extra__: dict[str, Annotated[float, Field(gt=0)]] = Field(init=False)

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        return (*registry.family("stop_rule"), *cls.model_fields)

    @model_validator(mode="after")
    def _known_rules(self) -> Stop:
        for name in self.thresholds():
            if name not in registry.family("stop_rule"):
                message = f'unknown key "{name}"; {nearest(name, self.key_names())}'
                raise IngredientError(message, name)
        for name, threshold in self.thresholds().items():
            largest = registry.get("stop_rule", name).largest
            if threshold > largest:
                raise IngredientError(f"must be at most {largest:g}, not {threshold:g}", name)
        if not self.thresholds() and self.patience is None:
            known = ", ".join(registry.family("stop_rule"))
            raise IngredientError(f"give at least one rule, or patience: {known}")
        if self.on not in QUANTITIES:
            hint = nearest(self.on, QUANTITIES)
            raise IngredientError(f'patience cannot refer to "{shortened(self.on)}"; {hint}', "on")
        if "on" in self.model_fields_set and self.patience is None:
            raise IngredientError("on applies to patience, which is missing", "on")
        if self.hold > 1 and not self.thresholds():
            raise IngredientError("hold applies to rules, but there are none", "hold")
        return self

    def thresholds(self) -> dict[str, float]:
        """The given rules by name, in the order of the registry."""
        given = self.__pydantic_extra__
        ordered = [name for name in registry.family("stop_rule") if name in given]
        return {name: given[name] for name in dict.fromkeys([*ordered, *given])}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        threshold = schema.pop("additionalProperties")
        schema["properties"] |= {
            name: {**threshold, "description": rule.description}
            for name, rule in registry.family("stop_rule").items()
        }
        schema["additionalProperties"] = False
        return schema


class Divergence(Options):
    """A trial has diverged when its |loss| exceeds a limit: relative to its start, or absolute."""

    factor: float | None = Field(
        None, gt=0, description="The limit is this times max(|initial loss|, 1)."
    )
    loss: float | None = Field(None, gt=0, description="Largest |loss| that is not a divergence.")

    @model_validator(mode="after")
    def _one_limit(self) -> Divergence:
        if (self.factor is None) == (self.loss is None):
            raise IngredientError("give either factor or loss")
        return self


class MinibatchOptions(Options):
    """Every update uses some of the samples; a seed gives the same ones at every learning rate."""

    size: int = Field(ge=1, description="Samples per update.")
    replacement: bool = Field(
        False, description="Draw samples with replacement; if false, each once per epoch."
    )
    drop_last: Literal["carry"] | bool = Field(
        "carry",
        description="The rest of an epoch, which is smaller than a minibatch: true drops it, false "
        'uses it as a smaller minibatch, and "carry" fills it up from the next epoch.',
    )
    tracked: Literal["full", "batch"] = Field(
        "full",
        description="Samples for loss, gradient_norm, prediction_error and the rules that end a "
        "trial: all, or those of the next update, which is cheaper.",
    )

    @model_validator(mode="after")
    def _has_epochs(self) -> MinibatchOptions:
        if self.replacement and self.drop_last != "carry":
            raise IngredientError(
                "drop_last applies to epochs, but with replacement there are none; leave one of "
                "them out",
                "drop_last",
            )
        return self

    def batch(self) -> Batch:
        """These settings as the engine takes them."""
        return Batch(**self.model_dump())


class Train(Options):
    """`[train]`: budget, number type, engine and rules."""

    max_steps: int | None = Field(
        None, ge=0, le=MOST_STEPS, description="Maximum number of updates of a trial."
    )
    max_epochs: int | None = Field(
        None,
        ge=0,
        le=MOST_STEPS,
        description="The same in epochs, instead of max_steps; an epoch without minibatches is one "
        "update.",
    )
    dtype: Literal["float64", "float32"] = Field("float64", description="Type of all numbers.")
    engine: str = Field(
        "numpy",
        description="The engine; fused is compiled and faster, but needs Numba.",
        json_schema_extra=lambda schema: schema.update(enum=[*registry.family("engine")]),
    )
    stop: Stop | None = Field(None, description="When a trial has converged.")
    divergence: Divergence | Literal[False] = Field(
        Divergence(factor=1e8),
        description="{ factor = … }, { loss = … }, or false: only infinity and NaN are divergence.",
    )

    batch: MinibatchOptions | None = Field(
        None, description="{ size = …, replacement = …, tracked = … }: minibatches."
    )

    every: int | None = Field(
        None,
        ge=1,
        description="Updates between two evaluations of the accuracy and of held-out data; by "
        f"default an epoch of minibatches, or {_DEFAULT_EVERY} updates from all samples.",
    )
    every_epochs: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="The same in epochs, instead of every."
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> Train:
        if self.engine not in registry.family("engine"):
            hint = nearest(self.engine, registry.family("engine"))
            message = f'unknown engine "{shortened(self.engine)}"; {hint}'
            raise IngredientError(message, "engine")
        if self.max_steps is None and self.max_epochs is None:
            raise IngredientError("this key is missing; give it, or max_epochs", "max_steps")
        refuse_both(self, "max_steps", "max_epochs")
        refuse_both(self, "every", "every_epochs")
        if self.stop is None:
            return self
        limit = self.divergence.loss if self.divergence else None
        loss = self.stop.thresholds().get("loss")
        if loss is not None and limit is not None and loss >= limit:
            raise IngredientError(
                f"a loss of {loss:g} would count as converged and, above {limit:g}, as diverged; "
                "the stop rule must be below the divergence limit",
                "stop",
                "loss",
            )
        return self

    @property
    def has_stop_rule(self) -> bool:
        """Whether trials can converge."""
        return self.stop is not None and bool(self.stop.thresholds())

    def updates(self, epochs: int, samples: int) -> int:
        """The number of updates in some epochs, for a problem with so many samples."""
        return self.batch.batch().updates(epochs, samples) if self.batch else epochs

    def _in_steps(self, steps: int | None, epochs: int | None, samples: int, default: int) -> int:
        if steps is not None:
            return steps
        return default if epochs is None else self.updates(epochs, samples)

    def training(self, samples: int = 0) -> Training:
        """These settings as the engine takes them, for a problem with so many samples."""
        default_every = self.updates(1, samples) if self.batch else _DEFAULT_EVERY
        return Training(
            max_steps=self._in_steps(self.max_steps, self.max_epochs, samples, 0),
            dtype=np.dtype(self.dtype),
            stop=self.stop.thresholds() if self.stop else {},
            hold=self.stop.hold if self.stop else 1,
            divergence_factor=self.divergence.factor if self.divergence else None,
            divergence_limit=self.divergence.loss if self.divergence else None,
            engine=self.engine,
            batch=self.batch.batch() if self.batch else None,
            every=self._in_steps(self.every, self.every_epochs, samples, default_every),
            patience=self.stop.patience if self.stop else None,
            patience_on=self.stop.on if self.stop else "validation_loss",
        )
