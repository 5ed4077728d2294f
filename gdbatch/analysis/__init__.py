"""From trials to answers: tables in, tables and words out; no files, no figures."""

from .answer import Answer, answer, as_words, choice_axis
from .summary import OUTCOME_COLUMNS, summarise, summarise_parts

__all__ = [
    "OUTCOME_COLUMNS",
    "Answer",
    "answer",
    "as_words",
    "choice_axis",
    "summarise",
    "summarise_parts",
]
