"""Tables with named columns, whatever they are read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError
from .cells import listed
from .rows import Labels

_MOST_NAMES = 12  # in a message


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table as it was read, and what is wrong with it."""

    numbers: NDArray[np.float64] | None = None  # (rows,)
    words: Labels | None = None  # (rows,), unless all its cells are numbers
    faults: tuple[str, ...] = ()  # the first few wrong cells: place and reason
    n_faults: int = 0
    is_text: bool = False  # it was to hold numbers, but holds none
    among: str = ""  # the first word among numbers

    def __len__(self) -> int:
        found = self.words if self.numbers is None else self.numbers
        return 0 if found is None else len(found)

    @property
    def fault(self) -> str:
        """What is wrong, or ""."""
        return listed(self.faults, self.n_faults)


class Table(ABC):
    """Named columns of equal length."""

    source: str  # for messages
    names: tuple[str, ...]
    target: tuple[str, ...] = ()  # the columns to predict, if the source says so
    classes: tuple[str, ...] = ()  # in the order of the source, if it has one

    @abstractmethod
    def read(self, numbers: Sequence[str], words: Sequence[str]) -> Mapping[str, Column]:
        """Some columns: those of numbers, and those of labels or categories."""

    def check_names(self) -> None:
        """Raises IngredientError if two columns have the same name."""
        twice = [name for name, count in Counter(self.names).items() if count > 1 and name]
        if twice:
            places = [str(index) for index, name in enumerate(self.names, 1) if name == twice[0]]
            raise IngredientError(
                f'{self.source} has several columns called "{twice[0]}" (columns '
                f"{', '.join(places)}); rename them",
                "data",
            )


def shown_names(names: Sequence[str]) -> str:
    """Names of columns for a message."""
    shown = ", ".join(names[:_MOST_NAMES])
    return shown + (", …" if len(names) > _MOST_NAMES else "")
