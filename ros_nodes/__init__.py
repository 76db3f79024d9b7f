"""ROS 2 adapters: the only place that sees both the learner (`robot_meta`) and the world (`sim`).

Importing this package imports no ROS. Only `*_node.py`, `node.py`, `params.py` and `qos.py` need
rclpy; the contract, message decoding, sampling, bags and the node graph work without it.
"""
