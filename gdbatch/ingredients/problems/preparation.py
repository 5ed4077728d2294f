"""Turns rows as they were read into the samples that problems are trained on.

Labels become classes and categories become one-hot columns, both in sorted order; part of the rows
may be held out; features may be standardized. Nothing here depends on the order of floating-point
sums, so the same rows give the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError, nearest
from ...random_streams import generator
from ..data_files import Labels, Rows
from ..data_files.limits import MAX_NUMBERS, MAX_WORDS

_MOST_SHOWN = 8  # names in a message
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of a problem; the arrays are read-only."""

    inputs: Floats  # (samples, features)
    targets: Floats  # (samples, outputs); of classes, rows of probabilities
    weights: Floats | None = None  # (samples,), of mean 1; None: all 1
    classes: tuple[str, ...] = ()  # names of the classes, if the targets were labels
    features: tuple[str, ...] = ()  # a name per column of `inputs`

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Outputs:
    """What a problem expects of its targets."""

    count: int | None  # None: any number
    labels: bool = False  # whether a single target may hold labels, which become classes
    low: float = 0.0  # the target of a class that is not the sample's, and of its own class
    high: float = 1.0
    tells_two: bool = True  # whether one output is enough for two classes, if `count` is None


@dataclass(frozen=True)
class Request:
    """How rows become samples."""

    outputs: Outputs
    standardize: bool = False
    share: float | None = None  # of the rows to hold out
    entropy: int = 0  # of the choice of these rows


def prepare(rows: Rows, held_out: Rows | None, request: Request) -> tuple[Samples, Samples | None]:
    """The samples to train on, and those held out: rows of their own, or a share of `rows`."""
    coding = _Coding(rows, request.outputs)
    samples = coding.samples(rows)
    if held_out is not None:
        if (held_out.labels is None) != (rows.labels is None):
            message = f"{held_out.source} must have labels as {rows.source} has, whole or in words"
            raise IngredientError(message, "validation")
        other = _of_file(coding, held_out)
    elif request.share is not None:
        samples, other = _split(samples, coding.strata(rows, samples), request)
    else:
        other = None
    if request.standardize:
        changes = _standardization(samples, coding.is_scaled)
        samples = _standardized(samples, *changes)
        other = None if other is None else _standardized(other, *changes)
    return _finished(samples), None if other is None else _finished(other)


def _finished(samples: Samples) -> Samples:
    """The samples, with read-only arrays and weights of mean 1."""
    weights = samples.weights
    if weights is not None:
        weights = weights / (math.fsum(weights) / len(weights))
        weights.flags.writeable = False
    samples.inputs.flags.writeable = samples.targets.flags.writeable = False
    return Samples(samples.inputs, samples.targets, weights, samples.classes, samples.features)


# labels and categories --------------------------------------------------------------------------


class _Coding:
    """The classes and categories of some rows, which other rows must share."""

    def __init__(self, rows: Rows, outputs: Outputs) -> None:
        self._outputs, self._source = outputs, rows.source
        self._classes = _classes(rows, outputs) if rows.labels is not None else ()
        is_free = outputs.count is None and outputs.tells_two
        self._is_single = outputs.count == 1 or (is_free and len(self._classes) == 2)
        self._categories = {name: _in_order(words) for name, words in rows.categories.items()}
        self._order, self._numeric = rows.order, rows.features
        columns = [self._columns_of(name) for name in rows.order]
        if len(rows) * sum(map(len, columns)) > MAX_NUMBERS:
            message = f"one-hot columns would exceed {MAX_NUMBERS:,} numbers; encode fewer columns"
            raise IngredientError(message, "categorical")
        self._names = tuple(name for names in columns for name in names)
        scaled = [name not in self._categories for name in rows.order]
        self.is_scaled = np.repeat(np.array(scaled, bool), [*map(len, columns)])

    def _columns_of(self, name: str) -> list[str]:
        if name not in self._categories:
            return [name]
        return [f"{name}={category}" for category in self._categories[name]]

    def samples(self, rows: Rows) -> Samples:
        """Rows as numbers; raises IngredientError for unknown labels and categories."""
        return Samples(
            self._inputs(rows), self._targets(rows), rows.weights, self._classes, self._names
        )

    def _inputs(self, rows: Rows) -> Floats:
        if not self._categories:
            return rows.inputs
        places = {name: column for column, name in enumerate(self._numeric)}
        parts = []
        for name in self._order:
            if name in places:
                parts.append(rows.inputs[:, places[name], None])
                continue
            what = f'category of "{name}"'
            index = self._indices(rows, rows.categories[name], self._categories[name], what)
            parts.append(np.eye(len(self._categories[name]))[index])
        return np.ascontiguousarray(np.hstack(parts))

    def _targets(self, rows: Rows) -> Floats:
        if rows.labels is None:
            assert rows.targets is not None
            return rows.targets
        index = self._indices(rows, rows.labels, self._classes, "class")
        if self._is_single:
            return self._between((index == 1)[:, None])
        return self._between(np.eye(len(self._classes), dtype=bool)[index])

    def _between(self, own: NDArray[np.bool_]) -> Floats:
        return np.where(own, self._outputs.high, self._outputs.low)

    def _indices(self, rows: Rows, words: Labels, known: Sequence[str], what: str) -> Indices:
        """The place of each word among the known ones."""
        distinct, which = np.unique(words, return_inverse=True)
        places = {word: place for place, word in enumerate(known)}
        for index, word in enumerate(distinct):
            if str(word) not in places:
                row = int(np.argmax(which == index))
                hint = nearest(str(word), known[:_MOST_SHOWN])
                raise IngredientError(
                    f'{rows.source}: "{word}" (sample {row}) is not a {what} in {self._source}; '
                    f"{hint}",
                    "validation",
                )
        found = np.array([places[str(word)] for word in distinct], np.intp)
        return found[which]

    def strata(self, rows: Rows, samples: Samples) -> tuple[Indices, tuple[str, ...]] | None:
        """The class of each sample, and the names of the classes; None without classes."""
        if rows.labels is not None:
            return self._indices(rows, rows.labels, self._classes, "class"), self._classes
        ends = self._outputs.low, self._outputs.high
        if not self._outputs.labels or not np.isin(samples.targets, ends).all():
            return None
        distinct, which = np.unique(samples.targets, axis=0, return_inverse=True)
        return which.reshape(-1), tuple(", ".join(f"{one:g}" for one in row) for row in distinct)


def _classes(rows: Rows, outputs: Outputs) -> tuple[str, ...]:
    """The classes of some rows, in sorted order unless the source gives one."""
    assert rows.labels is not None
    classes = rows.classes or _in_order(rows.labels)
    name = f'"{rows.outputs[0]}"' if rows.outputs else "the labels"
    shown = ", ".join(classes[:_MOST_SHOWN]) + (", …" if len(classes) > _MOST_SHOWN else "")
    key = "target" if rows.outputs else "data"
    if len(classes) == 1:
        message = f'{rows.source}: all samples have the label "{classes[0]}" ({name}); training '
        raise IngredientError(f"{message}needs two classes or more", key)
    if len(classes) > min(MAX_WORDS, MAX_NUMBERS // len(rows)):
        message = f"{rows.source}: {name} has {len(classes):,} different labels; is it a number to "
        raise IngredientError(f"{message}predict? Then choose another loss", key)
    wanted = outputs.count
    if wanted == 1 and len(classes) != 2:
        raise IngredientError(
            f"{rows.source}: {name} has {len(classes)} classes ({shown}), but one output tells two "
            'apart; use one output per class and loss = "cross_entropy"',
            "layers",
        )
    if wanted not in (None, 1, len(classes)):
        raise IngredientError(
            f"{rows.source}: {name} has {len(classes)} classes ({shown}), but the last layer has "
            f'{wanted} units; give one per class, or write "outputs" in its place',
            "layers",
        )
    return classes


def _in_order(words: Labels) -> tuple[str, ...]:
    """The different words, sorted: whole numbers as numbers, others as text."""
    distinct = [str(word) for word in np.unique(words)]
    if all(word.removeprefix("-").isdecimal() for word in distinct):
        distinct.sort(key=int)
    return tuple(distinct)


# held-out rows ----------------------------------------------------------------------------------


def _of_file(coding: _Coding, rows: Rows) -> Samples:
    samples = coding.samples(rows)
    if len(samples) < len(samples.classes):
        raise IngredientError(
            f"{rows.source} has {len(samples)} samples for {len(samples.classes)} classes; "
            "validation needs at least one per class",
            "validation",
        )
    return samples


def _split(
    samples: Samples, strata: tuple[Indices, tuple[str, ...]] | None, request: Request
) -> tuple[Samples, Samples]:
    """Hold out a share of the samples, drawn at random within each class; both keep their order."""
    share, count = request.share, len(samples)
    assert share is not None
    which, names = strata or (np.zeros(count, np.intp), ("",))
    sizes = np.bincount(which, minlength=len(names)).tolist()
    taken = _quotas(sizes, share)
    for name, size, number in zip(names, sizes, taken, strict=True):
        if 0 < number < size:
            continue
        of_class = f' of the class "{name}"' if strata else ""
        wrong = "none" if number == 0 else "all"
        needs = "Each class needs" if strata else "There must be"
        raise IngredientError(
            f"validation = {share:g} takes {wrong} of the {size} samples{of_class}. {needs} at "
            "least one sample to train on and one to validate with",
            "validation",
        )
    order = generator(request.entropy, "validation").permutation(count)
    held = np.zeros(count, bool)
    for place, number in enumerate(taken):
        held[order[which[order] == place][:number]] = True
    return _part(samples, ~held), _part(samples, held)


def _quotas(sizes: Sequence[int], share: float) -> list[int]:
    """How many samples of each class to hold out, by the largest remainders.

    >>> _quotas([50, 50, 5], 0.2), _quotas([3, 3, 3], 0.25)
    ([10, 10, 1], [1, 1, 0])
    """
    exact = [share * size for size in sizes]
    taken = [math.floor(one) for one in exact]
    left = math.floor(share * sum(sizes) + 0.5) - sum(taken)
    by_remainder = sorted(range(len(sizes)), key=lambda place: taken[place] - exact[place])
    for place in by_remainder[: max(0, left)]:
        taken[place] += 1
    return taken


def _part(samples: Samples, chosen: NDArray[np.bool_]) -> Samples:
    weights = None if samples.weights is None else samples.weights[chosen]
    if weights is not None and not weights.any():
        raise IngredientError(
            "all samples of one part have the weight 0; give more of them a weight", "weight"
        )
    return Samples(
        samples.inputs[chosen],
        samples.targets[chosen],
        weights,
        samples.classes,
        samples.features,
    )


# standardization --------------------------------------------------------------------------------


def _standardization(samples: Samples, is_scaled: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The mean and the standard deviation of each feature; 0 and 1 of one-hot columns."""
    means, deviations = np.zeros(is_scaled.size), np.ones(is_scaled.size)
    for column in np.flatnonzero(is_scaled).tolist():
        values = samples.inputs[:, column]
        try:
            means[column], deviations[column] = _mean_and_deviation(values)
        except OverflowError:
            raise IngredientError(
                f'the feature "{samples.features[column]}" is too large to standardize',
                "standardize",
            ) from None
    return means, deviations


def _mean_and_deviation(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation (of the whole, ddof 0); the latter is 1 if all values are equal.

    The sums are exact before they are rounded, so they depend on no order. Raises OverflowError.
    """
    first = float(values[0])
    if (values == first).all():
        return first, 1.0
    mean = math.fsum(values) / len(values)
    with np.errstate(over="ignore"):
        centred = values - mean
    largest = float(np.abs(centred).max())
    if not math.isfinite(largest):
        raise OverflowError
    squares = math.fsum((centred / largest) ** 2)  # scaled: neither overflows nor underflows
    return mean, largest * math.sqrt(squares / len(values))


def _standardized(samples: Samples, means: Floats, deviations: Floats) -> Samples:
    inputs = (samples.inputs - means) / deviations
    return Samples(inputs, samples.targets, samples.weights, samples.classes, samples.features)
