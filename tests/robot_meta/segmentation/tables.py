"""Toy tables: squares of one colour each on grey, in other places in each picture."""

import numpy as np

from robot_meta.data.table_pictures import THINGS, TableSet


def tables(tasks=4, views=3, side=32, seed=0):
    rng = np.random.default_rng(seed)
    rgb = np.full((tasks, views, side, side, 3), 110, np.uint8)
    things = np.zeros((tasks, views, side, side), np.uint8)
    for t in range(tasks):
        colours = np.eye(3)[rng.permutation(3)] * 200 + 30
        for v in range(views):
            for n, place in enumerate(rng.permutation(4)[:THINGS]):
                y, x = side // 2 * (place // 2) + 4, side // 2 * (place % 2) + 4
                rgb[t, v, y : y + 8, x : x + 8] = colours[n]
                things[t, v, y : y + 8, x : x + 8] = n + 1
    return TableSet(rgb, things, np.full((tasks, THINGS), "square"))
