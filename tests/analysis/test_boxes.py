"""Box counting: sets whose dimension is known, and boundaries that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gdbatch.numerics.box_counting import boundary, box_count, box_dimension, densest_window


def sierpinski(side: int) -> np.ndarray:
    """Pascal's triangle modulo 2."""
    row, column = np.indices((side, side))
    return np.asarray((row & column) == 0)


def test_a_line_has_dimension_one() -> None:
    assert box_dimension(np.eye(256, dtype=bool)) == pytest.approx(1)


def test_a_filled_square_has_dimension_two() -> None:
    assert box_dimension(np.ones((256, 256), bool)) == pytest.approx(2)


def test_the_sierpinski_triangle_has_dimension_log2_of_3() -> None:
    assert box_dimension(sierpinski(256)) == pytest.approx(np.log2(3))


def test_a_circle_is_nearly_a_line() -> None:
    row, column = np.indices((257, 257)) - 128
    assert box_dimension(boundary(row**2 + column**2 < 100**2)) == pytest.approx(1, abs=0.06)


def test_without_marks_there_is_no_dimension() -> None:
    assert np.isnan(box_dimension(np.zeros((64, 64), bool)))


def test_boxes_cut_by_the_map_count() -> None:
    marked = np.zeros((5, 5), bool)
    marked[[0, 4], [0, 4]] = True
    assert [box_count(marked, size) for size in (1, 2, 4, 8)] == [2, 2, 2, 1]


def test_a_boundary_is_where_a_block_has_both_kinds() -> None:
    values = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 1, 1]], bool)
    assert boundary(values).astype(int).tolist() == [[0, 1], [0, 1], [1, 1]]


def test_the_densest_window_has_most_marks() -> None:
    marked = np.zeros((32, 64), bool)
    marked[20:22, 41:45] = True
    marked[3, 3] = True
    rows, columns = densest_window(marked, 8)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (4, 8)
    assert marked[rows, columns].sum() == 8
