"""A person before the camera node: a video file, played, recorded, and an episode of kind human.

The person is rendered, but from the file on everything is as with any video: a phone's H.264, the
camera node that plays it, the recorder that hears it. They run apart from the robot's nodes, in a
ROS domain of their own: the robot has a camera by the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robot_meta.data import phone
from robot_meta.errors import SessionError
from robot_meta.evaluate import DEMO_TRIAL
from ros_nodes.bag import Bag
from ros_nodes.commands.record import Client
from ros_nodes.commands.showing_film import PICTURES
from ros_nodes.graph import CAMERA
from ros_nodes.running import RunningGraph
from ros_nodes.showing import Take
from sim.film import WHOLE_PICTURE, film, film_stream
from sim.tasks import Task

HZ = 10
LONGEST_S = 60.0
START_S = 120.0
"""On a loaded machine nodes take a while to start."""
TAKES = 3
"""How often a film is played before it is given up."""


@dataclass(frozen=True)
class Person:
    """Shows tasks by hand."""

    seed: int
    """Draws people, their ways, and where things lie."""
    films: Path
    """Folder of the video files."""
    episodes: Path
    """Folder of what is recorded."""

    def show(self, task: Task) -> Take:
        """Do a task before the camera: its recording, and where what was meant lay.

        Raises:
            SessionError: the film could not be recorded.
        """
        shown = film(task, film_stream(task, self.seed, DEMO_TRIAL), image=WHOLE_PICTURE)
        file = self.films / f"{task.label.replace('/', '-')}.mp4"
        phone.write(file, shown.rgb, HZ)
        return Take(
            success=True,
            done=True,
            steps=shown.length,
            target_xy_m=shown.arrangement.target_xy_m(task).tolist(),
            episode=record(file, len(shown.rgb), self.episodes, task.label),
            pictures=list(shown.rgb),
        )


def record(file: Path, pictures: int, episodes: Path, label: str) -> str:
    """Play a video file by the camera node and record it; the folder of the episode.

    A busy machine may lose a picture: the file is then played again.

    Args:
        file: a video at the rate of the contract's camera.
        pictures: how many it has.
        episodes: folder to record into.
        label: of the episode, for people.

    Raises:
        SessionError: it could not be recorded whole.
    """
    given = {"source": str(file.resolve()), "episodes": str(episodes.resolve())}
    with (
        RunningGraph(CAMERA, given) as graph,
        Client("", check=graph.check, patience_s=START_S, play=True, quiet=True) as client,
    ):
        for _ in range(TAKES):
            facts, _ = client.episode(label, "human", LONGEST_S, label, None)
            came = Bag.open(facts["uri"]).counts.get(f"/{PICTURES}", 0) if facts["good"] else 0
            if came == pictures:
                return str(facts["uri"])
            client.trigger("discard_last")
    raise SessionError(
        f"{file}: {came} of {pictures} pictures were recorded, the last of {TAKES} times it was "
        f"played ({facts['termination_reason']}); is this machine too busy for it?"
    )
