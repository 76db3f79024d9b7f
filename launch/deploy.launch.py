"""`ros2 launch robot_meta deploy.launch.py`: a recorded, adapting policy on a robot."""

from ros_nodes.graph import GRAPHS
from ros_nodes.ros2_launch import description


def generate_launch_description():
    return description(GRAPHS["deploy"])
