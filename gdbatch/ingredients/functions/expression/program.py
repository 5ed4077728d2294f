"""A graph as a list of NumPy calls on prepared arrays, which allocate nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ....numerics.buffers import new_buffer
from ...options import Floats
from .graph import Graph, Node

Calls = list[Callable[[], object]]

# NumPy's loops for these differ, in speed or in bits, where an argument is one number for all lanes
_NEEDS_ROWS = ("power", "maximum", "minimum")
_REDUCTIONS = {"sum": "pl->l", "dot": "pl,pl->l"}
_LEAVES = ("number", "constant", "parameter", "direction")
_FEWEST = 8  # constants are computed for this many lanes, as in the narrowest block


@dataclass(frozen=True)
class _Place:
    """Rows of one of a program's arrays; `is_row`: one row without its axis."""

    array: str  # loss, out, work, parameter, direction
    start: int = 0
    stop: int = 1
    is_row: bool = True


@dataclass
class _Work:
    """Assigns rows of scratch memory; rows that are free again are used again."""

    rows: int = 0
    _free: dict[int | None, list[_Place]] = field(default_factory=dict)

    def take(self, size: int | None) -> _Place:
        """Rows for a scalar or a vector."""
        free = self._free.setdefault(size, [])
        if free:
            return free.pop()
        self.rows += size or 1
        return _Place("work", self.rows - (size or 1), self.rows, size is None)

    def give_back(self, size: int | None, place: _Place) -> None:
        """Rows that are no longer needed."""
        self._free[size].append(place)


class Program:
    """Fills a loss, or none, and the rows of an array with the gradient or a product."""

    def __init__(self, graph: Graph, loss: Node | None, rows: Mapping[Node, Node], n: int) -> None:
        """rows: what to write to the rows of each leaf; what is written twice is added."""
        losses = [] if loss is None else [loss]
        roots = graph.lowered([*losses, *rows.values()])
        losses, values = roots[: len(losses)], roots[len(losses) :]
        self._nodes = graph.reachable(roots)
        self._places: dict[Node, _Place] = {}
        self._fills: list[_Place] = []
        self._copies: list[tuple[_Place, Node]] = []
        self._sums: list[tuple[_Place, Node]] = []
        self._assemble(dict(zip(rows, values, strict=True)), n)
        for one in losses:
            if one in self._places or one.is_constant or one.operation in _LEAVES:
                self._copies.append((_Place("loss"), one))
            else:
                self._places[one] = _Place("loss")
        self._work = _Work()
        self._assign_work()

    @property
    def work_rows(self) -> int:
        """Rows of scratch memory that a program needs."""
        return self._work.rows

    def _assemble(self, rows: Mapping[Node, Node], n: int) -> None:
        """Decide where each part of the output is written, and what is added to it."""
        written = np.zeros(n, bool)
        stores: list[tuple[_Place, Node]] = []
        for leaf in sorted(rows, key=lambda one: one.rows[0] - one.rows[1]):  # the longest first
            start, stop = leaf.rows
            place = _Place("out", start, stop, leaf.size is None)
            if written[start:stop].any():
                self._fill(written, start, stop)
                self._sums.append((place, rows[leaf]))
            else:
                stores.append((place, rows[leaf]))
            written[start:stop] = True
        self._fill(written, 0, n)
        added = {node for _, node in self._sums}
        for place, node in stores:
            is_direct = node not in self._places and node not in added and not node.is_constant
            is_direct &= node.operation not in _LEAVES and (node.size is None) == place.is_row
            if is_direct:
                self._places[node] = place
            else:
                self._copies.append((place, node))

    def _fill(self, written: NDArray[np.bool_], start: int, stop: int) -> None:
        """Fill rows with zeros that nothing else is written to."""
        rows = start + np.flatnonzero(~written[start:stop])
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            if run.size:
                self._fills.append(_Place("out", int(run[0]), int(run[-1]) + 1, is_row=False))

    def _assign_work(self) -> None:
        """Give every other node rows of scratch memory while it is needed."""
        last = {one: node for node in self._nodes for one in node.arguments}
        kept = {node for _, node in (*self._copies, *self._sums)}
        for node in self._nodes:
            if node.is_constant:
                continue
            if node.operation in _LEAVES:
                self._places[node] = _Place(node.operation, *node.rows, node.size is None)
                continue
            ended = [
                one
                for one in dict.fromkeys(node.arguments)
                if last[one] is node
                and one not in kept
                and not one.is_constant
                and self._places[one].array == "work"
            ]
            # an elementwise ufunc may overwrite its arguments
            overwrites = node.operation not in (*_REDUCTIONS, "power")
            for one in ended if overwrites else ():
                self._work.give_back(one.size, self._places[one])
            if node not in self._places:
                self._places[node] = self._work.take(node.size)
            for one in () if overwrites else ended:
                self._work.give_back(one.size, self._places[one])

    def bind(self, arrays: Mapping[str, Floats | None], constants: Mapping[str, Floats]) -> Calls:
        """The calls that compute everything from the current contents of the arrays.

        arrays: parameter, direction and out (rows, lanes), work (work_rows, lanes), loss (lanes,).
        constants: of shape () or (lanes,).
        """
        return _Binding(arrays, constants).calls(
            self._nodes, self._places, self._fills, self._copies, self._sums
        )


class _Binding:
    """Turns places into arrays, and nodes into calls."""

    def __init__(
        self, arrays: Mapping[str, Floats | None], constants: Mapping[str, Floats]
    ) -> None:
        self._arrays, self._constants = arrays, constants
        out = arrays["out"]
        assert out is not None
        self._lanes, self._dtype = out.shape[-1], out.dtype
        self._calls: Calls = []
        self._values: dict[Node, Floats] = {}
        self._rows: dict[Node, Floats] = {}

    def calls(
        self,
        nodes: list[Node],
        places: Mapping[Node, _Place],
        fills: list[_Place],
        copies: list[tuple[_Place, Node]],
        sums: list[tuple[_Place, Node]],
    ) -> Calls:
        """All calls, in order."""
        with np.errstate(all="ignore"):
            for node in nodes:
                if node.is_constant:
                    self._values[node] = self._constant(node)
                else:
                    self._values[node] = self._array(places[node])
                    if node.operation not in _LEAVES:
                        self._call(node, self._values[node])
        for place in fills:
            self._calls.append(partial(self._array(place).fill, 0))
        for place, node in copies:
            self._calls.append(partial(np.copyto, self._array(place), self._values[node]))
        for place, node in sums:
            target = self._array(place)
            self._calls.append(partial(np.add, target, self._values[node], target))
        return self._calls

    def _array(self, place: _Place) -> Floats:
        whole = self._arrays[place.array]
        assert whole is not None
        if place.array == "loss":
            return whole
        return whole[place.start] if place.is_row else whole[place.start : place.stop]

    def _constant(self, node: Node) -> Floats:
        """A constant of shape (), computed now, or of shape (lanes,), computed by a call."""
        if node.operation == "number":
            return np.array(node.number, self._dtype)
        if node.operation == "constant":
            return self._constants[node.name]
        arguments = [self._values[one] for one in node.arguments]
        if any(one.ndim for one in arguments):
            value = new_buffer(self._lanes, self._dtype)
            self._call(node, value)
            return value
        rows = [np.full(_FEWEST, one, self._dtype) for one in arguments]
        result: Floats = getattr(np, node.operation)(*rows)[:1].reshape(())
        return result

    def _call(self, node: Node, out: Floats) -> None:
        if node.operation in _REDUCTIONS:
            arguments = [self._values[one] for one in node.arguments]
            call = partial(np.einsum, _REDUCTIONS[node.operation], *arguments, out=out)
        else:
            find = self._row if node.operation in _NEEDS_ROWS else self._values.__getitem__
            call = partial(getattr(np, node.operation), *map(find, node.arguments), out=out)
        self._calls.append(call)

    def _row(self, node: Node) -> Floats:
        """A value, repeated for all lanes if it is a number."""
        value = self._values[node]
        if value.ndim:
            return value
        if node not in self._rows:
            self._rows[node] = new_buffer(self._lanes, self._dtype)
            self._rows[node].fill(value)
        return self._rows[node]


def derivative_along(graph: Graph, gradient: Mapping[Node, Node]) -> Node:
    """The product of a gradient and a direction, whose own gradient is the Hessian's product."""
    total = graph.number(0.0)
    for leaf, part in gradient.items():
        direction = graph.node("direction", size=leaf.size, rows=leaf.rows)
        product = graph.multiply(part, direction)
        total = graph.add(total, product if leaf.size is None else graph.sum(product, leaf.size))
    return total
