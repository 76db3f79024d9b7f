"""The checker takes what the controller takes, and names each thing that it would not."""

from types import SimpleNamespace

import pytest

from ros_nodes.jtc_conformance import complaints
from sim.sawyer import JOINT_NAMES

NOW_NS = 5_000_000_000


def time(ns):
    sec, nanosec = divmod(ns, 1_000_000_000)
    return SimpleNamespace(sec=sec, nanosec=nanosec)


def point(ms, velocity=0.0, **fields):
    values = {
        "positions": [0.1] * 7,
        "velocities": [velocity] * 7,
        "accelerations": [],
        "effort": [],
    } | fields
    return SimpleNamespace(time_from_start=time(ms * 1_000_000), **values)


def message(points=None, names=JOINT_NAMES, stamp=0):
    points = [point(20, 0.3), point(60)] if points is None else points
    header = SimpleNamespace(stamp=time(stamp))
    return SimpleNamespace(header=header, joint_names=list(names), points=points)


GOOD = {
    "two points": message(),
    "one point": message([point(20)]),
    "reordered": message(names=JOINT_NAMES[::-1]),
    "no velocities": message([point(20, velocities=[])]),
    "accelerations": message([point(20, accelerations=[0.0] * 7)]),
    "almost at rest": message([point(20, 1e-7)]),
    "starts later": message(stamp=NOW_NS + 1),
    "under way": message(stamp=NOW_NS - 50_000_000),
}
BAD = {
    "no points": (message([]), "no points"),
    "too few names": (message(names=JOINT_NAMES[:6]), "missing joints"),
    "unknown name": (message(names=(*JOINT_NAMES[:6], "elbow")), "unknown joints"),
    "extra name": (message(names=(*JOINT_NAMES, "head_pan")), "unknown joints"),
    "named twice": (message(names=(*JOINT_NAMES[:6], JOINT_NAMES[0])), "named twice"),
    "no names": (message(names=()), "0 joint names"),
    "same time": (message([point(20), point(20)]), "rise strictly"),
    "falling time": (message([point(40), point(20)]), "rise strictly"),
    "negative time": (message([point(-20), point(20)]), "rise strictly"),
    "short positions": (message([point(20, positions=[0.0] * 6)]), "6 positions"),
    "no positions": (message([point(20, positions=[])]), "0 positions"),
    "short velocities": (message([point(20, velocities=[0.0] * 6)]), "6 velocities"),
    "short accelerations": (message([point(20, accelerations=[0.0])]), "1 accelerations"),
    "efforts": (message([point(20, effort=[0.0] * 7)]), "efforts"),
    "moves at the end": (message([point(20, 1e-3)]), "end at rest"),
    "nan velocity at the end": (message([point(20, float("nan"))]), "end at rest"),
    "nan": (message([point(20, positions=[float("nan")] * 7)]), "not finite"),
    "over": (message(stamp=NOW_NS - 61_000_000), "in the past"),
}


@pytest.mark.parametrize("name", GOOD)
def test_accepted(name):
    assert complaints(GOOD[name], JOINT_NAMES, NOW_NS) == []


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    bad, why = BAD[name]
    assert why in "; ".join(complaints(bad, JOINT_NAMES, NOW_NS))
