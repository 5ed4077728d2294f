"""From trials to answers: tables in, tables and words out; no files, no figures.

Every module of this folder is imported, so the analysis of a new search is a new file.
"""

import importlib
import pkgutil

from ..numerics.box_counting import boundary, box_dimension, densest_window
from .adaptive_map import MapAnswer, as_map, every_pixel
from .answer import Answer, analysis_of, answer_of
from .axes import choice_axis, is_scale, other_axes
from .bisection import EdgeAnswer, edge_answers, summarise_edges
from .facts import sweep_facts
from .formatting import number
from .grid import GridAnswer, answer_about, grid_answers, grid_words
from .outcome_columns import outcome_codes
from .protocol import FEWEST_STEPS, TRIAL_COLUMNS, Analysis, Criterion, SweepFacts
from .summary import summarise
from .trainability import trainability

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)

__all__ = [
    "FEWEST_STEPS",
    "TRIAL_COLUMNS",
    "Analysis",
    "Answer",
    "Criterion",
    "EdgeAnswer",
    "GridAnswer",
    "MapAnswer",
    "SweepFacts",
    "analysis_of",
    "answer_about",
    "answer_of",
    "as_map",
    "boundary",
    "box_dimension",
    "choice_axis",
    "densest_window",
    "edge_answers",
    "every_pixel",
    "grid_answers",
    "grid_words",
    "is_scale",
    "number",
    "other_axes",
    "outcome_codes",
    "summarise",
    "summarise_edges",
    "sweep_facts",
    "trainability",
]
