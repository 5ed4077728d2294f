"""Values and their derivatives as a graph, in which equal subexpressions are one node.

Constant factors of products move outwards and merge, so that the program does less per step. A
node is a scalar or a vector, and scalars broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

_MOST_MULTIPLICATIONS = 64  # the largest exponent that becomes multiplications
_MOST_SPLITS = 8  # of a sum into sums


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A value, computed by the ufunc that its operation names, unless that is one of these.

    number and constant: a number, and a constant with a name. parameter and direction: some rows of
    an array (parameters, lanes). integer_power: with `number` as the exponent. sigmoid, softplus
    and relu. sum: of the entries of a vector; dot: of the products of two vectors.
    """

    index: int  # arguments have smaller ones
    operation: str
    arguments: tuple[Node, ...] = field(repr=False)
    size: int | None  # entries of a vector; None: a scalar
    number: float
    name: str
    rows: tuple[int, int]  # the first one and the end
    is_constant: bool  # whether it depends neither on parameters nor on directions


@dataclass
class Graph:
    """Makes nodes, each only once, and simplifies them."""

    nodes: list[Node] = field(default_factory=list)
    _known: dict[tuple[object, ...], Node] = field(default_factory=dict)

    def node(
        self,
        operation: str,
        *arguments: Node,
        size: int | None = None,
        number: float = 0.0,
        name: str = "",
        rows: tuple[int, int] = (0, 0),
    ) -> Node:
        """A node as it is, without simplification."""
        places = tuple(one.index for one in arguments)
        key = operation, places, size, repr(number), name, rows
        if key not in self._known:
            is_constant = operation not in ("parameter", "direction")
            is_constant &= all(one.is_constant for one in arguments)
            index = len(self.nodes)
            made = Node(index, operation, arguments, size, number, name, rows, is_constant)
            self.nodes.append(made)
            self._known[key] = made
        return self._known[key]

    def number(self, value: float) -> Node:
        """A number."""
        return self.node("number", number=float(value))

    def apply(self, operation: str, *arguments: Node) -> Node:
        """A ufunc of scalars and vectors; of numbers, its value."""
        numbers = [one.number for one in arguments if one.operation == "number"]
        if len(numbers) == len(arguments) and operation not in _LOWERED:
            with np.errstate(all="ignore"):
                return self.number(getattr(np, operation)(*map(np.float64, numbers)))
        sizes = [one.size for one in arguments if one.size is not None]
        return self.node(operation, *arguments, size=max(sizes, default=None))

    # arithmetic ------------------------------------------------------------------------------

    def add(self, one: Node, other: Node) -> Node:
        """one + other."""
        if _is(one, 0.0):
            return other
        if _is(other, 0.0):
            return one
        if one is other:
            return self.multiply(self.number(2.0), one)
        if _is_negative(other):
            return self.subtract(one, self.negative(other))
        if _is_negative(one):
            return self.subtract(other, self.negative(one))
        return self.apply("add", *_in_order(one, other))

    def subtract(self, one: Node, other: Node) -> Node:
        """one - other."""
        if _is(one, 0.0):
            return self.negative(other)
        if _is(other, 0.0):
            return one
        if _is_negative(other) and not other.is_constant:
            return self.add(one, self.negative(other))
        return self.apply("subtract", one, other)

    def negative(self, one: Node) -> Node:
        """-one."""
        return self.multiply(self.number(-1.0), one)

    def multiply(self, one: Node, other: Node) -> Node:
        """One · other, with constant factors merged."""
        (factor, rest), (other_factor, other_rest) = self._split(one), self._split(other)
        factor = self._constant_product(factor, other_factor)
        if rest is None or other_rest is None:
            rest = rest or other_rest
        else:
            rest = self.apply("multiply", *_in_order(rest, other_rest))
        if rest is None or _is(factor, 0.0):
            return factor
        return rest if _is(factor, 1.0) else self.apply("multiply", factor, rest)

    def divide(self, one: Node, other: Node) -> Node:
        """One / other; a constant divisor becomes a factor."""
        (factor, rest), (divisor, other_rest) = self._split(one), self._split(other)
        if other_rest is None and rest is None:
            return self.apply("divide", one, other)
        if not _is(divisor, 1.0):
            factor = self.apply("divide", factor, divisor)
        if other_rest is None:
            return self.multiply(factor, rest or self.number(1.0))
        if rest is None:
            return self.apply("divide", factor, other_rest)
        return self.multiply(factor, self.apply("divide", rest, other_rest))

    def _split(self, one: Node) -> tuple[Node, Node | None]:
        """A constant factor, and what it multiplies, if that is not 1."""
        if one.is_constant:
            return one, None
        if one.operation == "multiply" and one.arguments[0].is_constant:
            return one.arguments[0], one.arguments[1]
        return self.number(1.0), one

    def _constant_product(self, one: Node, other: Node) -> Node:
        """The product of two constants, with its numbers merged in front."""
        numbers, named = 1.0, []
        for part in (one, other):
            if part.operation == "multiply" and part.arguments[0].operation == "number":
                number, part = part.arguments
                numbers *= number.number
            if part.operation == "number":
                numbers *= part.number
            else:
                named.append(part)
        if not named or numbers == 0.0:
            return self.number(numbers)
        product = named[0] if len(named) == 1 else self.apply("multiply", *_in_order(*named))
        return product if numbers == 1.0 else self.apply("multiply", self.number(numbers), product)

    def power(self, base: Node, exponent: Node) -> Node:
        """base ** exponent; a small whole exponent becomes multiplications."""
        if exponent.operation == "number":
            value = exponent.number
            if value.is_integer() and abs(value) <= _MOST_MULTIPLICATIONS:
                whole = self.integer_power(base, abs(int(value)))
                return whole if value >= 0 else self.divide(self.number(1.0), whole)
            if abs(value) == 0.5:
                root = self.apply("sqrt", base)
                return root if value > 0 else self.divide(self.number(1.0), root)
        if _is(base, math.e):
            return self.apply("exp", exponent)
        return self.apply("power", base, exponent)

    def integer_power(self, base: Node, exponent: int) -> Node:
        """base ** exponent, for a whole exponent ≥ 0."""
        if exponent == 0:
            return self.number(1.0)
        if exponent == 1:
            return base
        if base.operation == "number":
            return self.apply("power", base, self.number(exponent))
        return self.node("integer_power", base, number=float(exponent), size=base.size)

    # sums ------------------------------------------------------------------------------------

    def sum(self, one: Node, size: int, splits: int = _MOST_SPLITS) -> Node:
        """The sum of the entries of a vector of this size.

        Scalar factors move out of it, and sums of products become dot products, which need no
        memory for the products.
        """
        scalars: list[tuple[bool, Node]] = []  # whether it divides
        while one.size is not None and one.operation in ("multiply", "divide"):
            first, second = one.arguments
            if second.size is None:
                scalars.append((one.operation == "divide", second))
                one = first
            elif first.size is None and one.operation == "multiply":
                scalars.append((False, first))
                one = second
            else:
                break
        total = self._plain_sum(one, size, splits)
        for divides, scalar in reversed(scalars):
            total = self.divide(total, scalar) if divides else self.multiply(scalar, total)
        return total

    def _plain_sum(self, one: Node, size: int, splits: int) -> Node:
        if one.size is None:
            return self.multiply(self.number(size), one)
        if one.operation == "multiply":
            return self.node("dot", *one.arguments)
        if one.operation == "integer_power" and one.number == 2:
            return self.node("dot", *one.arguments, *one.arguments)
        if one.operation == "add" and splits and any(map(_is_product, one.arguments)):
            return self.add(*(self.sum(part, size, splits - 1) for part in one.arguments))
        return self.node("sum", one)

    # derivatives -----------------------------------------------------------------------------

    def gradient(self, root: Node) -> dict[Node, Node]:
        """The derivatives of a scalar by the nodes that are parameters (reverse mode).

        A scalar stands for a vector of equal derivatives.
        """
        total: dict[int, Node] = {root.index: self.number(1.0)}
        found: dict[Node, Node] = {}
        for node in reversed(self.nodes[: root.index + 1]):
            if node.index not in total or node.is_constant:
                continue
            if node.operation == "parameter":
                found[node] = total[node.index]
            for place, argument in enumerate(node.arguments):
                if argument.is_constant:
                    continue
                part = _DERIVATIVES[node.operation](self, total[node.index], node, place)
                if part is None:
                    continue
                if node.size is not None and argument.size is None:
                    part = self.sum(part, node.size)
                known = total.get(argument.index)
                total[argument.index] = part if known is None else self.add(known, part)
        return found

    def lowered(self, roots: list[Node]) -> list[Node]:
        """The same values from ufuncs, sums and dot products only."""
        new: dict[int, Node] = {}
        for node in self.reachable(roots):
            arguments = [new[one.index] for one in node.arguments]
            if node.operation in _LOWERED:
                new[node.index] = _LOWERED[node.operation](self, node, arguments[0])
            elif node.arguments:
                new[node.index] = self.node(node.operation, *arguments, size=node.size)
            else:
                new[node.index] = node
        return [new[root.index] for root in roots]

    def reachable(self, roots: list[Node]) -> list[Node]:
        """All nodes that the roots depend on, arguments first."""
        wanted = {root.index for root in roots}
        for index in range(max(wanted, default=-1), -1, -1):
            if index in wanted:
                wanted.update(one.index for one in self.nodes[index].arguments)
        return [self.nodes[index] for index in sorted(wanted)]


def _is(node: Node, number: float) -> bool:
    return node.operation == "number" and node.number == number


def _is_negative(node: Node) -> bool:
    """Whether a node is a negative number, or -1 times something."""
    if node.operation == "number":
        return node.number < 0
    return node.operation == "multiply" and _is(node.arguments[0], -1.0)


def _is_product(node: Node) -> bool:
    """Whether the sum of a vector is a multiple of a dot product."""
    while node.operation == "multiply" and None in (sizes := [one.size for one in node.arguments]):
        node = node.arguments[1 - sizes.index(None)]
    return node.operation == "multiply" or (node.operation == "integer_power" and node.number == 2)


def _in_order(*nodes: Node) -> list[Node]:
    """The arguments of a commutative operation, in an order that makes equal nodes equal."""
    return sorted(nodes, key=lambda one: one.index)


# lowering ----------------------------------------------------------------------------------------


def _as_products(g: Graph, base: Node, exponent: int) -> Node:
    """A power, by multiplications that share as much as possible with that of exponent - 1."""
    if exponent == 1:
        return base
    half = _as_products(g, base, exponent // 2)
    other = _as_products(g, base, exponent - exponent // 2)
    return g.node("multiply", half, other, size=base.size)


def _sigmoid(g: Graph, node: Node, x: Node) -> Node:
    one = g.number(1.0)
    return g.divide(one, g.add(one, g.apply("exp", g.negative(x))))


def _softplus(g: Graph, node: Node, x: Node) -> Node:
    """max(x, 0) + log1p(exp(-|x|)), which does not overflow."""
    power = g.apply("exp", g.negative(g.apply("absolute", x)))
    return g.add(g.apply("maximum", x, g.number(0.0)), g.apply("log1p", power))


_LOWERED: dict[str, Callable[[Graph, Node, Node], Node]] = {
    "integer_power": lambda g, node, x: _as_products(g, x, int(node.number)),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": lambda g, node, x: g.apply("maximum", x, g.number(0.0)),
}

# derivatives -------------------------------------------------------------------------------------

# the derivative of a root by the argument at `place` of a node, from its derivative by the node;
# None: 0
Derivative = Callable[[Graph, Node, Node, int], Node | None]


def _by_square(sign: float) -> Callable[[Graph, Node], Node]:
    """1 + sign · argument²."""

    def denominator(g: Graph, node: Node) -> Node:
        return g.add(g.number(1.0), g.multiply(g.number(sign), g.integer_power(node, 2)))

    return denominator


_one_plus_square, _one_minus_square = _by_square(1.0), _by_square(-1.0)


def _of_power(g: Graph, by: Node, node: Node, place: int) -> Node:
    base, exponent = node.arguments
    if place:
        return g.multiply(g.multiply(by, node), g.apply("log", base))
    lower = g.power(base, g.subtract(exponent, g.number(1.0)))
    return g.multiply(g.multiply(by, exponent), lower)


def _of_larger(sign: float) -> Derivative:
    """Of maximum (1) and minimum (-1); at a tie, both arguments count half."""

    def derivative(g: Graph, by: Node, node: Node, place: int) -> Node:
        one, other = node.arguments
        side = g.apply("sign", g.subtract(one, other))
        share = g.multiply(g.number(sign if place == 0 else -sign), side)
        return g.multiply(by, g.multiply(g.number(0.5), g.add(g.number(1.0), share)))

    return derivative


def _of_quotient(g: Graph, by: Node, node: Node, place: int) -> Node:
    part = g.divide(by, node.arguments[1])
    return g.negative(g.multiply(part, node)) if place else part


_DERIVATIVES: dict[str, Derivative] = {
    "add": lambda g, by, node, place: by,
    "subtract": lambda g, by, node, place: g.negative(by) if place else by,
    "multiply": lambda g, by, node, place: g.multiply(by, node.arguments[1 - place]),
    "dot": lambda g, by, node, place: g.multiply(by, node.arguments[1 - place]),
    "sum": lambda g, by, node, place: by,
    "divide": _of_quotient,
    "power": _of_power,
    "integer_power": lambda g, by, node, place: g.multiply(
        g.multiply(g.number(node.number), by),
        g.integer_power(node.arguments[0], int(node.number) - 1),
    ),
    "sqrt": lambda g, by, node, place: g.divide(g.multiply(g.number(0.5), by), node),
    "exp": lambda g, by, node, place: g.multiply(by, node),
    "expm1": lambda g, by, node, place: g.multiply(by, g.apply("exp", node.arguments[0])),
    "log": lambda g, by, node, place: g.divide(by, node.arguments[0]),
    "log1p": lambda g, by, node, place: g.divide(by, g.add(g.number(1.0), node.arguments[0])),
    "sin": lambda g, by, node, place: g.multiply(by, g.apply("cos", node.arguments[0])),
    "cos": lambda g, by, node, place: g.negative(g.multiply(by, g.apply("sin", node.arguments[0]))),
    "tan": lambda g, by, node, place: g.multiply(by, _one_plus_square(g, node)),
    "sinh": lambda g, by, node, place: g.multiply(by, g.apply("cosh", node.arguments[0])),
    "cosh": lambda g, by, node, place: g.multiply(by, g.apply("sinh", node.arguments[0])),
    "tanh": lambda g, by, node, place: g.multiply(by, _one_minus_square(g, node)),
    "arcsin": lambda g, by, node, place: g.divide(
        by, g.apply("sqrt", _one_minus_square(g, node.arguments[0]))
    ),
    "arccos": lambda g, by, node, place: g.negative(
        g.divide(by, g.apply("sqrt", _one_minus_square(g, node.arguments[0])))
    ),
    "arctan": lambda g, by, node, place: g.divide(by, _one_plus_square(g, node.arguments[0])),
    "absolute": lambda g, by, node, place: g.multiply(by, g.apply("sign", node.arguments[0])),
    "sign": lambda g, by, node, place: None,
    # not by e^-x, which overflows
    "sigmoid": lambda g, by, node, place: g.multiply(
        g.multiply(by, node), g.apply("sigmoid", g.negative(node.arguments[0]))
    ),
    "softplus": lambda g, by, node, place: g.multiply(by, g.apply("sigmoid", node.arguments[0])),
    "relu": lambda g, by, node, place: g.multiply(
        by, g.apply("maximum", g.apply("sign", node.arguments[0]), g.number(0.0))
    ),
    "maximum": _of_larger(1.0),
    "minimum": _of_larger(-1.0),
}
