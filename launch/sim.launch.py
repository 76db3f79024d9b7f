"""`ros2 launch robot_meta sim.launch.py`: a simulated Sawyer behind its command gate."""

from ros_nodes.graph import GRAPHS
from ros_nodes.ros2_launch import description


def generate_launch_description():
    return description(GRAPHS["sim"])
