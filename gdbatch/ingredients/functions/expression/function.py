"""A function that the sweep file writes as an expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ....errors import IngredientError
from ....numerics.buffers import DType, new_buffer
from ....numerics.lanczos import Hessian
from ....registry import register
from ...options import Floats, PerLane
from ...problems.protocol import Call, refuse_overflow
from ..protocol import Function, FunctionOptions
from . import start_check
from .graph import Graph, Node
from .operations import FUNCTIONS, OPERATORS, REDUCTIONS
from .program import Program, derivative_along
from .syntax import (
    LONGEST,
    Term,
    check_name,
    declared,
    names_in,
    normalized,
    parse,
    row_names,
)

_MOST_WORK_ROWS = 1_000_000


@register("function", "expression")
class Expression(Function):
    """Your own formula of `variables` and `constants`: expression = "x**2 + a*cos(x)".

    It is differentiated exactly, twice. It may contain numbers, pi, e, + - * / **, parentheses and
    abs, arccos, arcsin, arctan, cos, cosh, exp, expm1, log, log1p, max, min, relu, sigmoid, sin,
    sinh, softplus, sqrt, tan and tanh. The variable "x[3]" is a vector of x[0], x[1] and x[2]; with
    slices (x[1:]), sum(…) and dot(…, …) it takes part as a whole. At a kink, the derivative of abs
    and relu is 0, and max and min count both arguments half.
    Minimum: not known, so there is no 2/λ in the answer.
    """

    class Options(FunctionOptions):
        function: Literal["expression"]
        expression: str = Field(
            max_length=LONGEST, description='The formula, such as "x**2 * (1 + a*cos(x))".'
        )
        variables: list[str] = Field(
            min_length=1, description='Names of the variables; "x[3]" is a vector of three.'
        )
        constants: Annotated[dict[str, float], PerLane()] = Field(
            {}, description="Values of the constants; each can be an axis."
        )

        @classmethod
        def table_keys(
            cls, option: str, alternatives: Mapping[str, Sequence[object]]
        ) -> dict[str, None]:
            """The constants, also those that only the expression names."""
            keys = super().table_keys(option, alternatives)
            given = [one for one in alternatives["variables"] if isinstance(one, list)]
            texts = [one for names in given for one in names if isinstance(one, str)]
            variables = {normalized(one.partition("[")[0].strip()) for one in texts}
            for text in alternatives["expression"]:
                names = names_in(text[: LONGEST + 1]) if isinstance(text, str) else []
                keys |= {name: None for name in names if name not in variables}
            return keys

        @model_validator(mode="after")
        def _parses(self) -> Expression.Options:
            for name in self.constants:
                check_name(normalized(name), "constants", name)
            variables = declared(self.variables)
            for name in self.constants:
                if normalized(name) in variables:
                    message = f"{name} is a variable too; rename one of them"
                    raise IngredientError(message, "constants", name)
            _refuse_unused(self, compiled(self).terms)
            return self

        def check_dtype(self, dtype: DType) -> None:
            super().check_dtype(dtype)
            numbers = [one.number for one in compiled(self).terms]
            refuse_overflow(np.array(numbers), dtype, "expression")

    options: Options
    examples = (
        {
            "expression": "b*(y - x**2)**2 + (1 - x)**2 + 0.1*log1p(exp(x/b)) + sigmoid(x*y)",
            "variables": ["x", "y"],
            "constants": {"b": 3.0},
        },
        {
            "expression": "tanh(x)*arctan(y)/(1 + relu(x)) + min(x, y)*softplus(-y) + expm1(sin(x))"
            " - sqrt(1 + x**2) - log(cosh(y)) + arcsin(tanh(x)/(1 + k)) + arccos(sin(y)/(1 + k)) + "
            "tan(sin(x))*sinh(cos(x)) + k*exp(-y**6)/(0.2 + x**2)**0.3 + (2 + x**2)**-2",
            "variables": ["x", "y"],
            "constants": {"k": 2.0},
        },
        {
            "expression": "sum(a*(1 - cos(2*pi*x)) + x**2) + sum((x[1:] - x[:-1]**2)**4)/d + "
            "max(x[0], s) * abs(x[1]**3 - 2**(x[2]/d)) + s/(1 + dot(x, x*s**2))**p",
            "variables": ["x[3]", "s"],
            "constants": {"a": 2.0, "p": 1.5, "d": 2.5},
        },
    )
    n_checked_starts = 4

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._compiled = compiled(options)
        self.names = self._compiled.names
        self.work_rows = self._compiled.work_rows

    def prepare(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> Call:
        program = self._compiled.gradient if loss is None else self._compiled.value_and_gradient
        arrays = {"parameter": x, "out": gradient, "work": work, "loss": loss}
        calls = program.bind(arrays, _constants(numbers))

        def run() -> None:
            for call in calls:
                call()

        return run

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        self.prepare(x, numbers, loss, gradient, work)()

    def hessian(self, x: NDArray[np.float64], numbers: Mapping[str, Floats]) -> Hessian:
        return _Hessian(self._compiled.hessian_product, x, _constants(numbers))

    def check(self, starts: NDArray[np.float64]) -> None:
        text, constants = self.options.expression, self.options.constants
        start_check.check_values(text, self._compiled.terms, self.names, starts, constants)
        gradient = np.empty_like(starts)
        work = np.empty((self.work_rows, starts.shape[1]))
        with np.errstate(all="ignore"):
            self.fill(starts, self.options.lane_numbers(), None, gradient, work)
        start_check.check_gradient(self.names, starts, gradient)


class Compiled:
    """The terms of an expression, and the programs that evaluate it."""

    def __init__(self, text: str, variables: tuple[str, ...], constants: tuple[str, ...]) -> None:
        found = declared(variables)
        self.names = row_names(found)
        self.terms = parse(text, found, {normalized(name) for name in constants})
        self._graph = Graph()
        self._value = _value_of(self._graph, self.terms)
        self._gradient = self._graph.gradient(self._value)

    @cached_property
    def value_and_gradient(self) -> Program:
        """The loss and its gradient."""
        return Program(self._graph, self._value, self._gradient, len(self.names))

    @cached_property
    def gradient(self) -> Program:
        """The gradient alone."""
        return Program(self._graph, None, self._gradient, len(self.names))

    @cached_property
    def hessian_product(self) -> Program:
        """The product of the Hessian and a direction."""
        along = derivative_along(self._graph, self._gradient)
        return Program(self._graph, None, self._graph.gradient(along), len(self.names))

    @property
    def work_rows(self) -> int:
        """Rows of scratch memory for the loss and the gradient."""
        return max(self.value_and_gradient.work_rows, self.gradient.work_rows)


def compiled(options: Expression.Options) -> Compiled:
    """The compiled expression; raises IngredientError if it is wrong."""
    return _compiled(options.expression, tuple(options.variables), tuple(options.constants))


@lru_cache(maxsize=256)
def _compiled(text: str, variables: tuple[str, ...], constants: tuple[str, ...]) -> Compiled:
    found = Compiled(text, variables, constants)
    if found.work_rows > _MOST_WORK_ROWS:
        message = f"it needs memory for {found.work_rows:,} numbers per trial, of at most "
        raise IngredientError(f"{message}{_MOST_WORK_ROWS:,}; shorten the vectors", "expression")
    return found


def _value_of(graph: Graph, terms: Sequence[Term]) -> Node:
    """The node of the last term."""
    nodes: list[Node] = []
    for term in terms:
        arguments = [nodes[one] for one in term.arguments]
        if term.operation == "number":
            node = graph.number(term.number)
        elif term.operation == "constant":
            node = graph.node("constant", name=term.name)
        elif term.operation == "variable":
            node = graph.node("parameter", size=term.size, rows=term.rows)
        elif term.operation in REDUCTIONS:
            size = terms[term.arguments[0]].size
            node = REDUCTIONS[term.operation].node(graph, *arguments, size)
        else:
            node = {**OPERATORS, **FUNCTIONS}[term.operation].node(graph, *arguments)
        nodes.append(node)
    return nodes[-1]


def _refuse_unused(options: Expression.Options, terms: Sequence[Term]) -> None:
    """Raises IngredientError if a variable or a constant is not in the expression."""
    used = {one.name for one in terms if one.operation in ("constant", "variable")}
    for name in options.constants:
        if normalized(name) not in used:
            message = f"the constant {name} is not in the expression; remove it"
            raise IngredientError(message, "constants", name)
    rows = {row for one in terms for row in range(*one.rows)}
    for index, (name, one) in enumerate(declared(options.variables).items()):
        unused = [row - one.start for row in range(one.start, one.stop) if row not in rows]
        if unused:
            message = f"the variable {name} is not in the expression; remove it"
            if name in used:
                message = f"{name}[{unused[0]}] is not in the expression; shorten the vector"
            raise IngredientError(message, "variables", index)


def _constants(numbers: Mapping[str, Floats]) -> dict[str, Floats]:
    """The constants by their names in the expression."""
    return {normalized(name.removeprefix("constants.")): number for name, number in numbers.items()}


class _Hessian:
    """The Hessian of each lane at x (variables, lanes)."""

    def __init__(
        self, program: Program, x: NDArray[np.float64], constants: Mapping[str, Floats]
    ) -> None:
        self._direction, self._product = np.empty_like(x), np.empty_like(x)
        work = new_buffer((program.work_rows, x.shape[1]), np.float64)
        arrays = {"parameter": x, "direction": self._direction, "out": self._product, "work": work}
        self._calls = program.bind(arrays, constants)

    def product(self, direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """The Hessian times a direction, both (variables, lanes)."""
        self._direction[:] = direction
        for call in self._calls:
            call()
        return self._product.copy()
