"""Minibatches: the samples of an update depend only on the lane's key and step.

Random numbers come from SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014). Its number n is a hash of its start and n, so it can be computed without
the numbers before: for lanes at different steps, and for a lane that returns to an earlier one. A
seed's key, from the stream "batches", starts a generator whose number s starts another one.

With replacement, s is the step: each sample of its minibatch is the integer part of one of that
generator's numbers in [0, 1) times the number of samples (uniform to samples/2³²). Without, s is
the epoch: sorting one number per sample gives the order of the samples. The rest of an epoch that
is smaller than a minibatch is filled up from the next epoch, used by itself, or dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...numerics.buffers import DType, new_buffer
from ...random_streams import generator
from ..options import Floats
from .protocol import Call, ChosenSamples, Evaluation, Evaluator, Problem, SampleIndices

Words = NDArray[np.uint64]
DropLast = bool | Literal["carry"]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = (  # shift, then multiply
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT, _HALF_WORD = np.uint64(31), np.uint64(32)


@dataclass(frozen=True)
class Batch:
    """How minibatches are drawn, and which samples are tracked; resolved from `train.batch`."""

    size: int
    replacement: bool = False
    tracked: Literal["full", "batch"] = "full"  # samples for the loss, stop rules and measures
    # the rest of an epoch: dropped, a smaller minibatch, or the start of the next epoch's first one
    drop_last: DropLast = "carry"

    def orders(self, samples: int) -> int:
        """How many sample indices a lane stores: the order of one or two epochs."""
        if self.replacement:
            return 0
        if self.drop_last == "carry":
            return samples if samples % self.size == 0 else 2 * samples
        return self.updates(1, samples) * self.size

    def updates(self, epochs: int, samples: int) -> int:
        """The number of updates in some epochs, rounded down, but at least 1 per epoch."""
        if self.drop_last == "carry":
            return max(epochs, epochs * samples // self.size)
        used = samples if self.drop_last else samples + self.size - 1
        return epochs * max(1, used // self.size)

    def rest(self, samples: int) -> int:
        """The size of the last minibatch of an epoch if it is a smaller one, else 0."""
        return samples % self.size if self.drop_last is False else 0


def keys_of(entropy: int, seeds: NDArray[np.int64]) -> Words:
    """The keys of some seeds, (seeds,)."""
    distinct, which = np.unique(seeds, return_inverse=True)
    streams = [generator(entropy, "batches", int(seed)) for seed in distinct]
    keys = np.array([one.integers(2**64, dtype=np.uint64) for one in streams], np.uint64)
    return keys[which]


def number_of(start: Words, number: NDArray[np.int64]) -> Words:
    """Number `number` (from 0) of the generators that start at `start`, by broadcasting."""
    word: Words = start + (number.astype(np.uint64) + np.uint64(1)) * _GAMMA
    _mix(word, np.empty_like(word))
    return word


def _mix(word: Words, work: Words) -> None:
    """SplitMix64's output function, in place."""
    for shift, factor in _ROUNDS:
        np.right_shift(word, shift, work)
        np.bitwise_xor(word, work, word)
        np.multiply(word, factor, word)
    np.right_shift(word, _LAST_SHIFT, work)
    np.bitwise_xor(word, work, word)


def orders_of(starts: Words, samples: int) -> NDArray[np.intp]:
    """The order of samples from each generator, (starts, samples)."""
    return np.argsort(number_of(starts[:, None], np.arange(samples)), axis=1, kind="stable")


class Minibatches:
    """The minibatches of a block's lanes; `keys` and `steps` are read at every draw.

    `chosen` are the samples of each lane's next update. If a minibatch may be smaller than others,
    `counts` has its size, and its first sample is repeated.
    """

    def __init__(self, batch: Batch, samples: int, keys: Words, steps: NDArray[np.int64]) -> None:
        self._batch, self._samples, self._keys, self._steps = batch, samples, keys, steps
        lanes = len(keys)
        self.chosen: SampleIndices = new_buffer((batch.size, lanes), np.intp)
        self.counts: NDArray[np.intp] | None = None
        if batch.rest(samples):
            self.counts = np.full(lanes, batch.size, np.intp)
        if batch.replacement:
            self._start, self._row = (new_buffer(lanes, np.uint64) for _ in range(2))
            self._words, self._work = (new_buffer(self.chosen.shape, np.uint64) for _ in range(2))
            self._offsets = (np.arange(1, batch.size + 1, dtype=np.uint64) * _GAMMA)[:, None]
            return
        # a cache of orders, which can be recomputed at any time
        self._orders: NDArray[np.intp] = np.empty((lanes, batch.orders(samples)), np.intp)
        self._known_keys, self._known_epochs = keys.copy(), np.full(lanes, -1, np.int64)
        self._epoch, self._begin = (new_buffer(lanes, np.int64) for _ in range(2))
        self._rows = np.arange(lanes) * self._orders.shape[1]
        self._slots = np.arange(batch.size)[:, None]
        self._places: NDArray[np.intp] = new_buffer(self.chosen.shape, np.intp)

    def draw(self) -> None:
        """Fill `chosen` (batch, lanes) with the samples of each lane's next update."""
        if self._batch.replacement:
            self._draw_with_replacement()
        else:
            self._draw_from_epoch()

    def _draw_with_replacement(self) -> None:
        start, words = self._start, self._words
        np.copyto(start, self._steps, casting="unsafe")
        np.add(start, np.uint64(1), start)
        np.multiply(start, _GAMMA, start)
        np.add(start, self._keys, start)
        _mix(start, self._row)
        np.add(start, self._offsets, words)
        _mix(words, self._work)
        np.right_shift(words, _HALF_WORD, words)
        np.multiply(words, np.uint64(self._samples), words)
        np.right_shift(words, _HALF_WORD, words)
        np.copyto(self.chosen, words, casting="unsafe")

    def _draw_from_epoch(self) -> None:
        batch, begin = self._batch, self._begin
        if batch.drop_last == "carry":
            np.multiply(self._steps, batch.size, begin)
            np.divmod(begin, self._samples, self._epoch, begin)
        else:
            np.divmod(self._steps, batch.updates(1, self._samples), self._epoch, begin)
            np.multiply(begin, batch.size, begin)
        if self.counts is not None:
            np.subtract(self._samples, begin, self.counts)
            np.minimum(self.counts, batch.size, out=self.counts)
        stale = (self._epoch != self._known_epochs) | (self._keys != self._known_keys)
        if stale.any():
            self._refresh_orders(np.flatnonzero(stale))
        np.add(self._begin, self._rows, self._begin)
        np.add(self._begin, self._slots, self._places)
        np.take(self._orders.reshape(-1), self._places, out=self.chosen, mode="clip")

    def _refresh_orders(self, lanes: NDArray[np.intp]) -> None:
        """Compute the orders for lanes in a new epoch, sorting each distinct order once."""
        keys, epochs = self._keys[lanes], self._epoch[lanes]
        self._known_keys[lanes], self._known_epochs[lanes] = keys, epochs
        samples, stored = self._samples, self._orders.shape[1]
        for part in range(max(1, stored // samples)):
            starts, which = np.unique(number_of(keys, epochs + part), return_inverse=True)
            columns = slice(part * samples, min((part + 1) * samples, stored))
            orders = orders_of(starts, samples)[:, : stored - part * samples]
            self._orders[lanes, columns] = orders[which]
        rest = self._batch.rest(samples)
        if rest:
            self._orders[lanes, samples:] = self._orders[lanes, samples - rest][:, None]


class MinibatchEvaluator(Evaluator):
    """A problem evaluated on the minibatches of a block's next updates.

    Predictions, which are only recorded, cover all samples.
    """

    def __init__(self, problem: Problem, minibatches: Minibatches, dtype: DType) -> None:
        self._problem, self._minibatches, self._dtype = problem, minibatches, dtype
        self._lanes = minibatches.chosen.shape[1]
        chosen = ChosenSamples(minibatches.chosen, minibatches.counts)
        self._evaluator = problem.evaluator(self._lanes, dtype, chosen)

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`."""
        draw = self._minibatches.draw
        evaluate_batch = self._evaluator.prepare(parameters, lane_data, steps, out)
        if out.predictions is None:
            predict = None
        else:
            whole = self._problem.evaluator(self._lanes, self._dtype)
            everything = Evaluation(None, predictions=out.predictions)
            predict = whole.prepare(parameters, lane_data, steps, everything)

        def evaluate() -> None:
            if predict is not None:
                predict()
            draw()
            evaluate_batch()

        return evaluate


def samples_at(batch: Batch, samples: int, key: int, step: int) -> list[int]:
    """The samples of one update of one trial."""
    one = Minibatches(batch, samples, np.array([key], np.uint64), np.array([step]))
    one.draw()
    count = batch.size if one.counts is None else int(one.counts[0])
    return [int(sample) for sample in one.chosen[:count, 0]]
