"""Meta-learning for robots: one rule, `phi = adapt(theta, evidence)`, and the learners that use it.

This package imports torch, numpy and Gymnasium's interface. It knows nothing of ROS, MuJoCo or
the simulator.
"""

__version__ = "0.1.0"
