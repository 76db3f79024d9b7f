"""A person's film through camera node and recorder: whole, or refused with what came."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")

from robot_meta.errors import SessionError
from ros_nodes import person
from ros_nodes.bag import read_demo
from ros_nodes.running import NodeEndedError
from ros_nodes.store import Store
from tests.ros_nodes.recordings import CONTRACT
from tests.ros_nodes.videos import moving, write

pytestmark = pytest.mark.ros


def test_every_picture_of_the_file_is_in_the_episode(ros_domain, tmp_path):
    film = write(tmp_path / "film.mp4", moving([(0.0, 1.5)], 1.5))
    folder = person.record(film, 15, tmp_path / "episodes", "place/test/7")
    demo = read_demo(folder, CONTRACT)
    assert (demo.kind, demo.task, len(demo)) == ("human", "place/test/7", 15)


def test_a_film_that_does_not_come_whole_is_played_again_and_then_refused(ros_domain, tmp_path):
    film = write(tmp_path / "film.mp4", moving([(0.0, 0.5)], 0.5))
    with pytest.raises(SessionError, match="5 of 6 pictures were recorded, the last of 3 times"):
        person.record(film, 6, tmp_path / "episodes", "film")
    assert Store(tmp_path / "episodes").episodes() == []
    assert len(list((tmp_path / "episodes" / "trash").iterdir())) == 3


def test_a_camera_that_cannot_read_its_file_is_named(ros_domain, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"")
    with pytest.raises(NodeEndedError, match=r"node camera ended(.|\n)*empty \(0 bytes\)"):
        person.record(tmp_path / "film.mp4", 1, tmp_path / "episodes", "film")
