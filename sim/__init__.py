"""Worlds where tasks come from: MuJoCo, NumPy and Gymnasium. No torch, no ROS.

Importing this package chooses an offscreen renderer (EGL, else OSMesa) before MuJoCo is loaded and
registers the Gymnasium ids, so that `gymnasium.make("sim:sim/SawyerPlace-v0")` works from anywhere.
"""

import ctypes.util
import os

if "MUJOCO_GL" not in os.environ and "DISPLAY" not in os.environ:
    os.environ["MUJOCO_GL"] = "egl" if ctypes.util.find_library("EGL") else "osmesa"
# llvmpipe draws in the caller's thread: one renderer process a core scales better than a thread
# pool in each.
os.environ.setdefault("LP_NUM_THREADS", "0")

import gymnasium

_FAMILY_IDS = {
    "reach": "sim/SawyerReach-v0",
    "push": "sim/SawyerPush-v0",
    "place": "sim/SawyerPlace-v0",
    "pick_place": "sim/SawyerPickPlace-v0",
}

for _family, _id in _FAMILY_IDS.items():
    gymnasium.register(id=_id, entry_point="sim.envs:SawyerEnv", kwargs={"family": _family})

_ROBOT_IDS = {
    "half_cheetah": "sim/HalfCheetah-v0",
    "ant": "sim/Ant-v0",
    "go1": "sim/Go1-v0",
}

for _robot, _id in _ROBOT_IDS.items():
    gymnasium.register(id=_id, entry_point="sim.legged_envs:LeggedEnv", kwargs={"robot": _robot})

gymnasium.register(id="sim/Go1Strides-v0", entry_point="sim.stride_env:StrideEnv")
gymnasium.register(id="sim/Objects-v0", entry_point="sim.object_env:ObjectsEnv")
gymnasium.register(id="sim/TablePictures-v0", entry_point="sim.table_pictures:TablePictures")
