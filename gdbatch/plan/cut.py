"""The cut of a plan into shards, as it is kept in the manifest of a run."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Cut:
    """The lengths of all shards in plan order, run-length encoded: (shards, trials in each)."""

    runs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, runs: Iterable[tuple[int, int]]) -> Cut:
        """Merge neighbours of the same length."""
        grouped = itertools.groupby((run for run in runs if run[0]), key=lambda run: run[1])
        return cls(tuple((sum(run[0] for run in same), length) for length, same in grouped))

    @classmethod
    def from_data(cls, data: object) -> Cut:
        """A cut from what `as_data` gave; raises ValueError if it is not that."""
        runs = data if isinstance(data, list) else []
        whole = [run for run in runs if isinstance(run, list) and len(run) == 2]
        if not runs or len(whole) != len(runs):
            raise ValueError("a cut is a list of pairs")
        if any(type(number) is not int or number < 1 for run in whole for number in run):
            raise ValueError("a cut consists of positive integers")
        return cls(tuple((shards, trials) for shards, trials in whole))

    def as_data(self) -> list[list[int]]:
        """As plain data, for JSON."""
        return [list(run) for run in self.runs]

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Shards and trials up to the end of each run."""
        shards = itertools.accumulate(shards for shards, _ in self.runs)
        trials = itertools.accumulate(shards * trials for shards, trials in self.runs)
        return list(shards), list(trials)

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self._ends[0][-1]

    @property
    def trials(self) -> int:
        """How many trials they have."""
        return self._ends[1][-1]

    def range_of(self, shard: int) -> tuple[int, int]:
        """First trial of a shard, and end; raises IndexError if there is no such shard."""
        shards, trials = self._ends
        if not 0 <= shard < self.shards:
            raise IndexError(f"there is no shard {shard}")
        run = bisect.bisect_right(shards, shard)
        length = self.runs[run][1]
        end = trials[run] - (shards[run] - 1 - shard) * length
        return end - length, end

    def ranges(self) -> Iterator[tuple[int, int]]:
        """First trial and end of every shard, in plan order."""
        start = 0
        for shards, length in self.runs:
            for _ in range(shards):
                yield start, start + length
                start += length
