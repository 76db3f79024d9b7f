"""`ros2 launch robot_meta record.launch.py`: a robot, somebody who moves it, and the recorder."""

from ros_nodes.graph import GRAPHS
from ros_nodes.ros2_launch import description


def generate_launch_description():
    return description(GRAPHS["record"])
