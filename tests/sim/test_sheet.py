"""Contact sheets are whole: every picture in its place."""

import numpy as np

from sim.sheet import (
    COLUMNS,
    FILM_LEVELS,
    FILM_TILE,
    GAP,
    STARTS,
    TILE,
    contact_sheet,
    film_sheet,
)
from sim.tasks import FAMILIES


def test_a_sheet_is_rows_of_starts_and_a_run():
    sheet = contact_sheet("reach", "val")
    step = TILE.size[0] + GAP
    rows = STARTS // COLUMNS + 1
    assert sheet.shape == (rows * step, COLUMNS * step, 3)
    tiles = sheet.reshape(rows, step, COLUMNS, step, 3)[:, :-GAP, :, :-GAP].swapaxes(1, 2)
    assert (tiles.std((2, 3, 4)) > 10).all(), "none is empty"
    run = tiles[-1].astype(float)
    assert np.array_equal(run[0], tiles[0, 0]), "the run starts as the first task"
    assert np.abs(run[-1] - run[0]).mean() > 3.0, "and moves"


def test_a_sheet_of_films_has_a_row_for_each_family():
    sheet = film_sheet()
    step = FILM_TILE.size[0] + GAP
    assert sheet.shape == (len(FAMILIES) * step, COLUMNS * step, 3)
    tiles = sheet.reshape(len(FAMILIES), step, COLUMNS, step, 3)[:, :-GAP, :, :-GAP].swapaxes(1, 2)
    moved = np.abs(np.diff(tiles.astype(float), axis=1)).mean((1, 2, 3, 4))
    assert (moved > 2.0).all(), "something happens in each"
    assert len(np.unique(sheet)) <= FILM_LEVELS
