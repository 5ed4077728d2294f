"""Figures are readable: no label overlaps another, is cut off, or looks like another.

Every case is laid out in full, and all of its texts are measured.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from gdbatch.figures import names
from tests.figures.data import CASES
from tests.figures.looking import all_drawn, texts_of


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that overlap, or have no gap between them."""
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in texts_of(figure)
        if text.get_visible() and text.get_text().strip()
    ]
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > -3 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


def cut_off(figure: Figure) -> list[str]:
    """Texts that extend beyond the figure."""
    page = figure.bbox
    return [
        text.get_text()
        for text in texts_of(figure)
        if text.get_visible() and text.get_text().strip()
        for box in [text.get_window_extent()]
        if box.x0 < page.x0 - 1 or box.y0 < -1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1
    ]


EXPECTED = {kind for _, kinds in CASES.values() for kind in kinds}


@pytest.mark.parametrize("case", CASES)
def test_every_available_figure_is_drawn_and_readable(case: str) -> None:
    make, expected = CASES[case]
    drawn = all_drawn(make())
    # a new figure may apply to any case
    assert [kind for kind in drawn if kind in EXPECTED] == expected
    assert set(names()) >= EXPECTED
    for kind, figure in drawn.items():
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()
        assert overlapping(figure) == [], kind
        assert cut_off(figure) == [], kind
        frames = [axes.get_window_extent() for axes in figure.axes]
        for axes, frame in zip(figure.axes, frames, strict=True):
            assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
            assert min(frame.width, frame.height) > (9 if axes.get_label() == "<colorbar>" else 40)
        legends = [legend.get_window_extent() for legend in figure.legends]
        for one, other in itertools.combinations(legends + frames, 2):
            assert not one.overlaps(other), kind
