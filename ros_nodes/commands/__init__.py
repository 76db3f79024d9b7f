"""Commands that talk to a running robot: one file each, ROS imported when they are called."""
