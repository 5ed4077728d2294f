"""From trials to answers: tables in, tables and words out; no files, no figures."""

from ..numerics.box_counting import boundary, box_dimension, densest_window
from .answer import Answer, answer, choice_axis, is_scale, other_axes
from .edges import EdgeAnswer, edge_answers, edges_as_words
from .maps import MapAnswer, as_map, every_pixel, map_answer, map_as_words
from .summary import OUTCOME_COLUMNS, summarise, summarise_edges, summarise_parts
from .trainability import trainability
from .words import as_words, number

__all__ = [
    "OUTCOME_COLUMNS",
    "Answer",
    "EdgeAnswer",
    "MapAnswer",
    "answer",
    "as_map",
    "as_words",
    "boundary",
    "box_dimension",
    "choice_axis",
    "densest_window",
    "edge_answers",
    "edges_as_words",
    "every_pixel",
    "is_scale",
    "map_answer",
    "map_as_words",
    "number",
    "other_axes",
    "summarise",
    "summarise_edges",
    "summarise_parts",
    "trainability",
]
