import numpy as np
import pytest

from robot_meta.course import COURSES, SPACING_M, figure_eight, straight, turn


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_points_are_evenly_spaced_from_the_origin_along_x(course):
    gaps = np.linalg.norm(np.diff(course.points, axis=0), axis=-1)
    # A new piece may begin a little nearer.
    assert gaps.max() <= SPACING_M + 1e-9
    assert np.median(gaps) > 0.99 * SPACING_M
    assert np.allclose(course.points[0], 0.0)
    assert abs(course.points[1, 1]) < 0.002


def test_lengths_are_those_of_circles():
    assert len(figure_eight(2.0)) * SPACING_M == pytest.approx(8.0 * np.pi, rel=0.01)
    assert np.allclose(turn(2.0, 4.0).points[-1], [6.0, 6.0], atol=2 * SPACING_M)


def test_who_is_on_the_line_heads_along_it_and_who_is_beside_it_back():
    line = straight(10.0)
    at = np.array([[1.0, 0.0], [1.0, 1.0]])
    reached = line.reached(at, np.array([10, 10]))
    assert (reached == 20).all()
    assert np.allclose(line.off(at, reached), [0.0, 1.0])
    on, beside = line.heading(at, reached, 1.0)
    assert np.allclose(on, [1.0, 0.0])
    assert np.allclose(beside, [0.5**0.5, -(0.5**0.5)])


def test_a_crossing_does_not_leave_half_of_the_course_out():
    eight = figure_eight(2.0)
    reached = np.zeros(1, int)
    for point in eight.points:
        reached = eight.reached(point[None], reached)
    assert reached[0] == len(eight) - 1
    # Back at the origin, which the second circle begins at, but not yet half way round the first.
    assert eight.reached(np.zeros((1, 2)), np.array([30]))[0] < 60


def test_nobody_goes_back_and_no_one_passes_the_end():
    line = straight(2.0)
    assert line.reached(np.array([[0.0, 0.0]]), np.array([20]))[0] == 20
    assert line.reached(np.array([[9.0, 0.0]]), np.array([20]))[0] == len(line) - 1
    assert np.allclose(line.heading(np.array([[1.0, 0.0]]), np.array([39]), 5.0), [[1.0, 0.0]])
