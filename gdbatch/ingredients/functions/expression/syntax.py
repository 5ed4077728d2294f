"""Parses the text of an expression into terms, by a whitelist over Python's syntax tree.

Every error names the part of the text and its first character, counted from 1.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from ....errors import IngredientError, nearest
from .operations import FUNCTIONS, NUMBERS, REDUCTIONS

LONGEST = 1000  # characters of an expression
_DEEPEST = 50  # operations or parentheses inside each other
_MOST_ROWS = 10_000  # entries of all variables
_LONGEST_QUOTE = 40

_DECLARATION = re.compile(r"\s*([^\W\d]\w*)\s*(?:\[\s*([0-9]{1,9})\s*\])?\s*")
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**",
}  # fmt: skip
_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "a dot between names is not allowed; write sin(x), not np.sin(x)",
    ast.BoolOp: "and, or are not allowed",
    ast.Compare: "comparisons are not allowed; use max, min, abs or relu",
    ast.GeneratorExp: "comprehensions are not allowed; use sum and vectors",
    ast.IfExp: "if … else is not allowed; use max, min, abs or relu",
    ast.JoinedStr: "strings are not allowed",
    ast.Lambda: "lambda is not allowed",
    ast.ListComp: "comprehensions are not allowed; use sum and vectors",
    ast.SetComp: "comprehensions are not allowed; use sum and vectors",
    ast.Starred: "a star before an argument is not allowed",
    ast.Tuple: "a comma is allowed only between the arguments of a function; write 0.5, not 0,5",
}
_SIGNS = {  # not allowed → what to write instead
    "^": "**", "²": "**2", "³": "**3", "×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-",
    "√": "sqrt(…)", "∑": "sum(…)", "|": "abs(…)",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """A part of an expression; its arguments are terms before it.

    operation: an operator, a function, number, constant or variable.
    """

    operation: str
    begin: int  # in the text
    end: int
    arguments: tuple[int, ...] = ()
    size: int | None = None  # entries of a vector; None: a scalar
    number: float = 0.0
    name: str = ""  # of a constant or variable
    rows: tuple[int, int] = (0, 0)  # of a variable: the first one and the end


@dataclass(frozen=True)
class Variable:
    """A declared variable and its rows among the parameters."""

    start: int
    size: int | None  # entries of a vector; None: a scalar

    @property
    def stop(self) -> int:
        """The end of its rows."""
        return self.start + (self.size or 1)


def declared(variables: Sequence[str]) -> dict[str, Variable]:
    """The variables by name; raises IngredientError about the option `variables`."""
    found: dict[str, Variable] = {}
    start = 0
    for index, text in enumerate(variables):
        match = _DECLARATION.fullmatch(text)
        if match is None:
            message = f'"{_shortened(text)}" is not a variable; write a name, "x", or a vector, '
            raise IngredientError(f'{message}"x[3]" for x[0], x[1] and x[2]', "variables", index)
        name = normalized(match[1])
        check_name(name, "variables", index)
        size = int(match[2]) if match[2] else None
        if size == 0 or start + (size or 1) > _MOST_ROWS:
            message = f"a vector has at least one entry, and all variables at most {_MOST_ROWS:,}"
            raise IngredientError(message, "variables", index)
        if name in found:
            raise IngredientError(f"{name} is declared twice", "variables", index)
        found[name] = Variable(start, size)
        start = found[name].stop
    repeated = [name for name, count in Counter(row_names(found)).items() if count > 1]
    if repeated:
        raise IngredientError(f"two variables are called {repeated[0]}; rename one", "variables")
    return found


def row_names(variables: Mapping[str, Variable]) -> list[str]:
    """The names of all parameters: x, or x_0, x_1, … of a vector x."""
    names: list[str] = []
    for name, one in variables.items():
        names += [name] if one.size is None else [f"{name}_{index}" for index in range(one.size)]
    return names


def normalized(name: str) -> str:
    """A name as Python reads it: two ways to write µ are one name."""
    return unicodedata.normalize("NFKC", name)


def check_name(name: str, *key: str | int) -> None:
    """Raises IngredientError about an option if this cannot be the name of a value."""
    if not name.isidentifier():
        message = f'"{_shortened(name)}" is not a name; use letters, digits and _'
    elif keyword.iskeyword(name):
        message = f'"{name}" is a reserved word; use another name, such as {name}_'
    elif name in NUMBERS:
        message = f"{name} is the number {NUMBERS[name]:.6g}; use another name"
    elif name in FUNCTIONS or name in REDUCTIONS:
        message = f"{name} is a function; use another name"
    else:
        return
    raise IngredientError(message, *key)


def names_in(text: str) -> list[str]:
    """The names of values in an expression; raises IngredientError if it is not Python's syntax."""
    known = {*FUNCTIONS, *REDUCTIONS, *NUMBERS}
    names = [one.id for one in ast.walk(_Source(text).tree) if isinstance(one, ast.Name)]
    return [name for name in dict.fromkeys(names) if name not in known]


def parse(text: str, variables: Mapping[str, Variable], constants: Collection[str]) -> list[Term]:
    """The terms of an expression; the last one is its value.

    Raises IngredientError about the option `expression`, or about a missing constant.
    """
    source = _Source(text)
    terms = _Parser(source, variables, constants).parse()
    if terms[-1].size is not None:
        message = f"the expression is a vector of {terms[-1].size}, not a number; use sum(…)"
        raise IngredientError(message, "expression")
    return terms


def place(text: str, begin: int, end: int) -> str:
    """A part of the text, and where it is.

    >>> place("1 + sin(x)", 4, 10)
    '"sin(x)" at character 5'
    """
    return f'"{_shortened(text[begin:end])}" at character {begin + 1}'


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


class _Source:
    """The text of an expression and its syntax tree, with positions in characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        line = "".join(" " if one.isspace() else one for one in text)
        self._check_characters(line)
        self._margin = len(line) - len(line.lstrip())
        line = line.strip()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.tree: ast.expr = ast.parse(line, mode="eval").body
        except SyntaxError as error:
            self._fail_to_parse(line, error)
        except (MemoryError, RecursionError):
            raise IngredientError("too many parentheses or signs", "expression") from None
        except ValueError:
            raise IngredientError("it cannot be read as text", "expression") from None
        self._characters: dict[int, int] = {}  # byte → character
        byte = 0
        for index, one in enumerate(line):
            self._characters[byte] = index + self._margin
            byte += len(one.encode())
        self._characters[byte] = len(line) + self._margin

    def span(self, node: ast.expr) -> tuple[int, int]:
        """The first character and the end of a node in the text."""
        return self._characters[node.col_offset], self._characters[node.end_col_offset or 0]

    def fail(self, node: ast.expr, message: str) -> NoReturn:
        """Raise IngredientError about a node."""
        raise IngredientError(f"{place(self.text, *self.span(node))}: {message}", "expression")

    def _check_characters(self, line: str) -> None:
        message = ""
        if not line.strip():
            message = 'it is empty; write a formula, such as "x**2 + y**2"'
            raise IngredientError(message, "expression")
        for index, one in enumerate(line):
            if one in _SIGNS:
                message = f"write {_SIGNS[one]}"
            elif one == "#":
                message = "comments are not allowed inside an expression"
            elif not one.isprintable():
                message = "this character is not allowed"
                one = one.encode("unicode_escape").decode()
            if message:
                message = f'"{one}" at character {index + 1}: {message}'
                raise IngredientError(message, "expression")

    def _fail_to_parse(self, line: str, error: SyntaxError) -> NoReturn:
        begin = min(max(0, (error.offset or 1) - 1), len(line)) + self._margin
        words = [word for word in re.findall(r"\w+", line) if keyword.iskeyword(word)]
        message = error.msg.partition(". ")[0]
        if line[-1] in "+-*/,":
            begin = len(line) - 1 + self._margin
            message = "something is missing after it"
        elif words:
            message += f'; "{words[0]}" is a reserved word, so it cannot be a name here'
        elif "=" in line:
            message += "; write only the formula, without a name and ="
        elif "invalid" in message:
            message += "; is an operator missing, such as * in 2*x?"
        shown = place(self.text, begin, len(line) + self._margin)
        if begin >= len(line) + self._margin:
            shown = "at its end"
        raise IngredientError(f"{shown}: {message}", "expression") from None


class _Parser:
    """Turns a syntax tree into terms, arguments first."""

    def __init__(
        self, source: _Source, variables: Mapping[str, Variable], constants: Collection[str]
    ) -> None:
        self._source, self._variables, self._constants = source, variables, constants
        self._terms: list[Term] = []

    def parse(self) -> list[Term]:
        """All terms; the last one is the value of the expression."""
        self._term(self._source.tree, 0)
        return self._terms

    def _add(self, node: ast.expr, term: Term) -> int:
        begin, end = self._source.span(node)
        self._terms.append(replace(term, begin=begin, end=end))
        return len(self._terms) - 1

    def _term(self, node: ast.expr, depth: int) -> int:
        """The index of the term of a node."""
        depth += 1
        if depth > _DEEPEST:
            self._source.fail(node, f"more than {_DEEPEST} levels inside each other")
        if isinstance(node, ast.BinOp):
            return self._chain(node, depth)
        if isinstance(node, ast.UnaryOp):
            return self._signed(node, depth)
        if isinstance(node, ast.Constant):
            return self._number(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        if isinstance(node, ast.Subscript):
            return self._entries(node)
        default = "only numbers, names, functions and + - * / ** are allowed"
        self._source.fail(node, _REFUSED.get(type(node), default))

    def _chain(self, node: ast.BinOp, depth: int) -> int:
        """a + b - c + …, which Python nests to the left, one level each."""
        chain: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            chain.append(first)
            first = first.left
        left = self._term(first, depth)
        for one in reversed(chain):
            operator = _OPERATORS.get(type(one.op))
            if operator is None:
                self._source.fail(one, "of all operators, only + - * / ** are allowed")
            left = self._operation(one, operator, (left, self._term(one.right, depth)))
        return left

    def _operation(self, node: ast.expr, operation: str, arguments: tuple[int, ...]) -> int:
        """An elementwise operation."""
        terms = [self._terms[one] for one in arguments]
        sizes = {one.size for one in terms if one.size is not None}
        if len(sizes) > 1:
            shown = " and ".join(
                f"{_shortened(self._source.text[one.begin : one.end])} has {one.size}"
                for one in terms
            )
            self._source.fail(node, f"the vectors have different lengths: {shown}")
        return self._add(node, Term(operation, 0, 0, arguments, max(sizes, default=None)))

    def _signed(self, node: ast.UnaryOp, depth: int) -> int:
        if isinstance(node.op, ast.UAdd):
            return self._term(node.operand, depth)
        if not isinstance(node.op, ast.USub):
            self._source.fail(node, "of all operators, only + - * / ** are allowed")
        return self._operation(node, "negative", (self._term(node.operand, depth),))

    def _number(self, node: ast.Constant) -> int:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            kind = "complex numbers" if isinstance(value, complex) else "strings"
            kind = kind if isinstance(value, complex | str | bytes) else f"{value}".lower()
            self._source.fail(node, f"only real numbers are allowed, not {kind}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isinf(number):
            self._source.fail(node, "this number is too large")
        return self._add(node, Term("number", 0, 0, number=number))

    def _name(self, node: ast.Name) -> int:
        name = node.id
        if name in self._variables:
            one = self._variables[name]
            term = Term("variable", 0, 0, size=one.size, name=name, rows=(one.start, one.stop))
            return self._add(node, term)
        if name in self._constants:
            return self._add(node, Term("constant", 0, 0, name=name))
        if name in NUMBERS:
            return self._add(node, Term("number", 0, 0, number=NUMBERS[name]))
        if name in FUNCTIONS or name in REDUCTIONS:
            self._source.fail(node, f"{name} is a function; write {name}(…)")
        hint = nearest(name, [*self._variables, *self._constants, *NUMBERS, *FUNCTIONS])
        if hint.startswith("did you mean"):
            self._source.fail(node, f"unknown name; {hint}")
        shown = place(self._source.text, *self._source.span(node))
        message = f"{shown} of the expression is unknown: give its value here, or list it in "
        raise IngredientError(f"{message}variables", "constants", name)

    def _called(self, node: ast.Call, depth: int) -> int:
        if isinstance(node.func, ast.Attribute):
            self._source.fail(node.func, _REFUSED[ast.Attribute])
        if not isinstance(node.func, ast.Name):
            self._source.fail(node, "only a function can be called; is a * missing?")
        name = node.func.id
        if name in self._variables or name in self._constants or name in NUMBERS:
            self._source.fail(node, f"{name} is not a function; for a product, write {name}*(…)")
        operation = FUNCTIONS.get(name) or REDUCTIONS.get(name)
        if operation is None:
            hint = nearest(name, [*FUNCTIONS, *REDUCTIONS])
            self._source.fail(node, f'no function is called "{_shortened(name)}"; {hint}')
        if node.keywords:
            self._source.fail(node, "arguments have no names; write them in order")
        if len(node.args) != operation.arity:
            plural = "s" if operation.arity > 1 else ""
            message = f"{name} takes {operation.arity} argument{plural}, not {len(node.args)}"
            self._source.fail(node, message)
        arguments = tuple(self._term(one, depth) for one in node.args)
        index = self._operation(node, name, arguments)
        if name in REDUCTIONS:
            for one, argument in zip(node.args, arguments, strict=True):
                if self._terms[argument].size is None:
                    self._source.fail(one, f'{name} needs a vector, such as "x[3]" in variables')
            self._terms[index] = replace(self._terms[index], size=None)
        return index

    def _entries(self, node: ast.Subscript) -> int:
        """x[1], or x[1:], of a variable."""
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        variable = self._variables.get(name)
        if variable is None and name and name not in (*self._constants, *NUMBERS, *FUNCTIONS):
            hint = nearest(name, self._variables)
            hint = hint if hint.startswith("did") else f'declare "{name}[3]" in variables'
            self._source.fail(node, f"{name} is not a variable; {hint}")
        if variable is None:
            self._source.fail(node, "only a variable has entries, such as x[0]")
        if variable.size is None:
            message = f'{name} is a number; declare a vector as "{name}[3]" in variables'
            self._source.fail(node, message)
        if not isinstance(node.slice, ast.Slice):
            index = self._integer(node, node.slice)
            if not -variable.size <= index < variable.size:
                message = f"{name} has {variable.size} entries, from {name}[0] to "
                self._source.fail(node, f"{message}{name}[{variable.size - 1}]")
            start = variable.start + index % variable.size
            rows = start, start + 1
            return self._add(node, Term("variable", 0, 0, name=name, rows=rows))
        if node.slice.step is not None:
            self._source.fail(node, "a slice has no step; write x[1:3]")
        ends = (node.slice.lower, node.slice.upper)
        low, high = (None if one is None else self._integer(node, one) for one in ends)
        first, end, _ = slice(low, high).indices(variable.size)
        if first >= end:
            self._source.fail(node, f"no entries; {name} has {variable.size}")
        rows = variable.start + first, variable.start + end
        return self._add(node, Term("variable", 0, 0, size=end - first, name=name, rows=rows))

    def _integer(self, node: ast.expr, index: ast.expr) -> int:
        sign = 1
        if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
            sign, index = -1, index.operand
        value = index.value if isinstance(index, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int):
            self._source.fail(node, "an index is a whole number, such as 0 or -1")
        return sign * value
