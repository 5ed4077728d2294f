"""Expressions in sweep files: what is refused, with which message, and constants as axes."""

from __future__ import annotations

import contextlib
import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch.errors import SweepFileError
from gdbatch.plan import Plan
from tests.documents import plan_of


def plan(
    expression: object,
    variables: object = ("x",),
    axes: dict[str, Any] | None = None,
    start: float = 0.3,
    dtype: str = "float64",
    constants: Mapping[str, object] | None = None,
) -> Plan:
    problem = {
        "kind": "function",
        "function": "expression",
        "expression": expression,
        "variables": [*variables] if isinstance(variables, tuple) else variables,
    }
    return plan_of(
        problem=problem | ({"constants": dict(constants)} if constants else {}),
        init={"kind": "constant"} | ({} if "init.value" in (axes or {}) else {"value": start}),
        train={"max_steps": 1, "dtype": dtype},
        axes={"learning_rate": [1.0], **(axes or {})},
    )


def message(*args: Any, **kwargs: Any) -> str:
    """The only problem of a sweep file."""
    with pytest.raises(SweepFileError) as caught:
        plan(*args, **kwargs)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  ", "it is empty"),
        ("x +", '"+" at character 3: something is missing after it'),
        ("2x", '"2x" at character 1: invalid decimal literal; is an operator missing'),
        ("1 + x y", '"y" at character 7: invalid syntax'),
        ("sum((x**2)", "never closed"),
        ("x^2", '"^" at character 2: write **'),
        ("1 + x²", '"²" at character 6: write **2'),
        ("x # bowl", '"#" at character 3: comments'),
        ("y = x**2", "write only the formula"),
        ("lambda*x", '"lambda" is a reserved word'),
        ("2*sin", '"sin" at character 3: sin is a function; write sin(…)'),
        ("x(x + 1)", "for a product, write x*(…)"),
        ("2(x)", "is a * missing?"),
        ("1 + sine(x)", '"sine(x)" at character 5: no function is called "sine"; did you mean'),
        ("foo(x)", "allowed: arccos, arcsin"),
        ("1 + np.sin(x)", '"np.sin" at character 5: a dot'),
        ("x.real", "a dot"),
        ("x[0]", 'declare a vector as "x[3]"'),
        ("x + z", '"z" at character 5 of the expression is unknown: give its value here'),
        ("[x]", "only numbers, names, functions"),
        ("0,5*x", "write 0.5, not 0,5"),
        ("x if x > 0 else 1", "if … else is not allowed"),
        ("2*(x > 0)", '"x > 0" at character 4: comparisons are not allowed'),
        ("(lambda: x)()", "only a function can be called"),
        ("sum(i for i in x)", "comprehensions"),
        ("x*'a'", '"\'a\'" at character 3: only real numbers are allowed, not strings'),
        ("True*x", "not true"),
        ("2j*x", "not complex numbers"),
        ("x // 2", "of all operators, only + - * / **"),
        ("not x", "of all operators, only + - * / **"),
        ("sin(x, x)", "sin takes 1 argument, not 2"),
        ("sin(x)(x)", "only a function can be called"),
        ("max(x)", "max takes 2 arguments, not 1"),
        ("sin(y=x)", "arguments have no names"),
        ("sin(*x)", "a star before an argument"),
        ("sum(x)", 'sum needs a vector, such as "x[3]"'),
        ("1e999*x", "this number is too large"),
        ("x*" + "9" * 400, "this number is too large"),
        ("x" * 1001, "a string of at most 1,000 characters"),
        ("-" * 60 + "x", "more than 50 levels inside each other"),
        ("(" * 400 + "x" + ")" * 400, "too many"),
        (3, "must be a string in quotes, not 3"),
    ],
)  # fmt: skip
def test_wrong_expressions_are_refused(text: object, wanted: str) -> None:
    found = message(text)
    assert wanted in found
    assert found.startswith("sweep: problem.")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x", "the expression is a vector of 3, not a number; use sum(…)"),
        ("x[0] + x[3]", '"x[3]" at character 8: x has 3 entries, from x[0] to x[2]'),
        ("sum(x[1:] + x)", "x[1:] has 2 and x has 3"),
        ("sum(x[::2])", "a slice has no step"),
        ("sum(x[2:1])", "no entries"),
        ("x[0.5]", "an index is a whole number"),
        ("x[x]", "an index is a whole number"),
        ("sum(x)[0]", "only a variable has entries"),
        ("sum(x) + y[0]", 'y is not a variable; declare "y[3]"'),
        ("x[0] + x[1]", "x[2] is not in the expression; shorten the vector"),
    ],
)
def test_wrong_uses_of_vectors_are_refused(text: str, wanted: str) -> None:
    assert wanted in message(text, ("x[3]",))


@pytest.mark.parametrize(
    ("text", "variables", "constants", "key", "wanted"),
    [
        ("a*x", ("x",), {"a": 1.0, "b": 2.0}, "constants.b", "the constant b is not in"),
        ("x", ("x", "y"), {}, "variables[1]", "the variable y is not in"),
        ("x", ("x", "x"), {}, "variables[1]", "declared twice"),
        ("x + x_0", ("x[2]", "x_0"), {}, "variables", "two variables are called x_0"),
        ("x", ("2",), {}, "variables[0]", "not a variable"),
        ("x", ("x[0]",), {}, "variables[0]", "at least one entry"),
        ("x", ("lambda",), {}, "variables[0]", "a reserved word"),
        ("x", ("pi",), {}, "variables[0]", "pi is the number 3.14159"),
        ("x", (), {}, "variables", "a list of at least 1"),
        ("a*x", ("x",), {"x": 1.0, "a": 1.0}, "constants.x", "x is a variable too"),
        ("x", ("x",), {"2a": 1.0}, "constants.2a", "not a name"),
        ("x", ("x",), {"sin": 1.0}, "constants.sin", "sin is a function"),
        ("a*x", ("x",), {"a": "1"}, "constants.a", "must be a number"),
        ("a*x", ("x",), {"a": float("nan")}, "constants.a", "must be a finite number"),
    ],
)
def test_wrong_names_are_refused(
    text: str, variables: tuple[str, ...], constants: dict[str, Any], key: str, wanted: str
) -> None:
    found = message(text, variables, constants=constants)
    assert found.startswith(f"sweep: problem.{key}: ")
    assert wanted in found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1/(x - 0.3)", '"1/(x - 0.3)" at character 1 is a division by zero at the start x = 0.3'),
        ("1 + (x-1)**0.5", '"(x-1)**0.5" at character 5 is not a real number at the start x = 0.3'),
        ("log(x - a)", "is not a real number at the start x = 0.3, with a = 0.5"),
        ("exp(1e5*x)", "is infinite at the start x = 0.3"),
        ("x + 1/(a - a)", '"1/(a - a)" at character 5 is a division by zero with a = 0.5'),
        ("sqrt(x - 0.3)", "the derivative of the expression with respect to x is not finite"),
    ],
)
def test_a_start_outside_the_domain_is_refused(text: str, wanted: str) -> None:
    assert wanted in message(text + ("" if "a" in text else " + 0*a"), constants={"a": 0.5})


def test_every_start_and_constant_of_an_axis_is_checked() -> None:
    starts = {"init.value": {"linear": [1.0, 0.0], "num": 9}}
    assert "1/x" in message("1/x", axes=starts)
    found = message("x/a", axes={"a": [1.0, 0.0]})
    assert found.startswith("sweep: axes.a: with problem.constants.a = 0.0: ")
    assert "a division by zero" in found


def test_numbers_that_overflow_the_number_type_are_refused() -> None:
    assert "overflows float32" in message("x + 1e39", dtype="float32")
    assert "overflows float32" in message("a*x", dtype="float32", constants={"a": 1e39})


@pytest.mark.parametrize(
    "text", ["x\n  + 1", " pi*x + e", ".5*x + 1_000 + 0x10", "(((x)))", "+x--x", "x" + "+x" * 499,
             "max(x, -2e0)**3**0.5"],
)  # fmt: skip
def test_unusual_spellings_are_accepted(text: str) -> None:
    assert plan(text).group(0).problem.parameter_names == ["x"]


def test_two_spellings_of_one_letter_are_one_name() -> None:
    micro, mu = "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"
    plan(f"{micro}*x", constants={mu: 1.0})
    plan(f"{mu}*x", constants={micro: 1.0})


# axes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["b", "problem.constants.b"])
def test_a_constant_can_be_an_axis_inside_a_block(key: str) -> None:
    found = plan("a*x/b", constants={"a": 1.0}, axes={key: {"linear": [1.0, 2.0], "num": 5}})
    assert found.groups == 1
    assert [axis.column for axis in found.sweep.axes] == ["learning_rate", "b"]


def test_constants_and_expressions_as_axes_split_into_groups() -> None:
    found = plan("a*x", axes={"problem.constants": [{"a": 1.0}, {"a": 2.0}]})
    assert found.groups == 2
    problem = {"kind": "function", "function": "expression", "variables": ["x"]}
    axes = {"learning_rate": [1.0], "problem.expression": ["a*x**2", "a*x**4"], "a": [1.0, 2.0]}
    init = {"kind": "constant", "value": 1.0}
    found = plan_of(problem=problem, init=init, train={"max_steps": 1}, axes=axes)
    assert found.groups == 2


@pytest.mark.parametrize(
    ("axes", "wanted"),
    [
        ({"problem.constants.a": [1.0]}, "is an axis and has a value in [problem] too"),
        ({"problem.constants.c": [1.0]}, '"problem.constants.c" cannot be an axis; did you mean'),
        ({"a": [1.0, "2"]}, "must be a number"),
        ({"problem.constants": [{"a": 1.0}, 2]}, "must be a table"),
    ],
)
def test_wrong_axes_of_constants_are_refused(axes: dict[str, Any], wanted: str) -> None:
    with pytest.raises(SweepFileError) as caught:
        plan("a*x", axes=axes, constants={"a": 1.0} if "has a value" in wanted else {})
    assert wanted in str(caught.value.problems[0])


# anything ------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "x",
                    "v",
                    "a",
                    "sin(",
                    "sum(",
                    "max(",
                    ")",
                    "(",
                    ",",
                    "**",
                    "[1:]",
                    "[0]",
                    "/",
                    "-",
                ]
            ),
            st.text(string.printable + "²µ\u2028", max_size=2),
        ),
        max_size=8,
    ).map("".join)
)
def test_no_text_gives_a_traceback(text: str) -> None:
    with contextlib.suppress(SweepFileError):
        plan(text, ("x", "v[2]"), constants={"a": 0.7})
