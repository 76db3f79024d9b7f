"""`ros2 launch robot_meta camera.launch.py`: a camera or a video file, and the recorder."""

from ros_nodes.graph import GRAPHS
from ros_nodes.ros2_launch import description


def generate_launch_description():
    return description(GRAPHS["camera"])
