"""The cut of a plan into shards, as stored in the manifest of a run."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

Runs: TypeAlias = tuple[tuple[int, int], ...]  # (shards, trials in each), in order


@dataclass(frozen=True)
class Cut:
    """The lengths of all shards in plan order, encoded as repeated runs."""

    repeats: tuple[tuple[int, Runs], ...]  # (times, runs)

    @classmethod
    def of(cls, repeats: Iterable[tuple[int, Iterable[tuple[int, int]]]]) -> Cut:
        """The shortest encoding: equal neighbours are merged.

        >>> Cut.of([(1, [(2, 10), (1, 4)]), (1, [(2, 10), (1, 4)])])
        Cut(repeats=((2, ((2, 10), (1, 4))),))
        """
        merged: list[tuple[int, Runs]] = []
        for times, runs in repeats:
            one = _merged(runs)
            if len(one) == 1:  # repeating equal shards only adds to them
                ((shards, length),) = one
                times, one = 1, ((times * shards, length),)
                if merged and len(merged[-1][1]) == 1 and merged[-1][1][0][1] == length:
                    one = ((merged.pop()[1][0][0] + one[0][0], length),)
            elif merged and merged[-1][1] == one:
                times += merged.pop()[0]
            merged.append((times, one))
        return cls(tuple(merged))

    @classmethod
    def from_data(cls, data: object) -> Cut:
        """The cut that `as_data` encoded; raises ValueError if the data is not a cut."""
        repeats = [(_positive(times), _runs(runs)) for times, runs in _pairs(data)]
        return cls(tuple(repeats))

    def as_data(self) -> list[list[object]]:
        """As plain data, for JSON."""
        return [[times, [list(run) for run in runs]] for times, runs in self.repeats]

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Total shards and trials up to the end of each repeat."""
        shards = (times * _shards(runs) for times, runs in self.repeats)
        trials = (times * _trials(runs) for times, runs in self.repeats)
        return list(itertools.accumulate(shards)), list(itertools.accumulate(trials))

    @property
    def shards(self) -> int:
        """The number of shards."""
        return self._ends[0][-1]

    @property
    def trials(self) -> int:
        """The number of trials."""
        return self._ends[1][-1]

    def range_of(self, shard: int) -> tuple[int, int]:
        """The first trial of a shard, and its end; raises IndexError if there is no such shard."""
        shards, trials = self._ends
        if not 0 <= shard < self.shards:
            raise IndexError(f"there is no shard {shard}")
        place = bisect.bisect_right(shards, shard)
        times, runs = self.repeats[place]
        past, rest = divmod(shard - (shards[place] - times * _shards(runs)), _shards(runs))
        start = trials[place] - (times - past) * _trials(runs)
        for count, length in runs:
            if rest < count:
                break
            start += count * length
            rest -= count
        return start + rest * length, start + (rest + 1) * length

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The first trial and the end of every shard, in plan order."""
        start = 0
        for times, runs in self.repeats:
            for _ in range(times):
                for shards, length in runs:
                    for _ in range(shards):
                        yield start, start + length
                        start += length

    def fits(self, span: int, unit: int) -> bool:
        """Whether no shard crosses a multiple of `span`, and all have multiples of `unit` trials.

        Repeats are not unrolled: each must lie inside a span or line up with its multiples.
        """
        end = 0
        for times, runs in self.repeats:
            length, room = _trials(runs), span - end % span
            is_inside = times * length <= room
            is_aligned = end % span == 0 == length % span or end % length == 0 == span % length
            if not (is_inside or is_aligned or times == 1):
                return False
            for shards, each in runs:
                room = span - end % span
                if each % unit or not (shards * each <= room or room % each == 0 == span % each):
                    return False
                end += shards * each
            end += (times - 1) * length
        return True


def _merged(runs: Iterable[tuple[int, int]]) -> Runs:
    """Neighbours of the same length as one run."""
    grouped = itertools.groupby((run for run in runs if run[0]), key=lambda run: run[1])
    return tuple((sum(run[0] for run in same), length) for length, same in grouped)


def _shards(runs: Runs) -> int:
    return sum(shards for shards, _ in runs)


def _trials(runs: Runs) -> int:
    return sum(shards * length for shards, length in runs)


def _pairs(data: object) -> list[list[object]]:
    pairs = data if isinstance(data, list) else []
    if not pairs or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError("a cut is a list of pairs")
    return pairs


def _runs(data: object) -> Runs:
    return tuple((_positive(shards), _positive(length)) for shards, length in _pairs(data))


def _positive(number: object) -> int:
    if type(number) is not int or number < 1:
        raise ValueError("a cut consists of positive integers")
    return number
