"""Synthetic episodes: real CDR messages by rosbags, so that bags can be tested without ROS."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from robot_meta.types import Frame
from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Contract
from ros_nodes.episode_info import EpisodeInfo
from ros_nodes.schemas import definition, typestore

CONTRACT = Contract.load("sawyer")
MS = 1_000_000
START_NS = 5_000 * MS
IMAGE_STEP, JOINT_STEP, GATE_STEP = 100 * MS, 10 * MS, 20 * MS
FINGERS = ("l_finger_joint", "r_finger_joint")
STORE = typestore(
    {t.type: definition(t.type).text for t in CONTRACT.topics if "tf2_msgs" not in t.type}
)


def header(ns: int, frame_id: str = "") -> Any:
    stamp = STORE.types["builtin_interfaces/msg/Time"](*divmod(ns, 10**9))
    return STORE.types["std_msgs/msg/Header"](stamp, frame_id)


def picture(ns: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A picture that differs with its stamp."""
    return np.random.default_rng(ns).integers(0, 256, (height, width, 3), np.uint8)


def image(ns: int, pixels: np.ndarray | None = None, **changes: Any) -> Any:
    pixels = picture(ns) if pixels is None else pixels
    fields = {
        "header": header(ns, "front_optical_frame"),
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "encoding": "rgb8",
        "is_bigendian": 0,
        "step": 3 * pixels.shape[1],
        "data": pixels.reshape(-1),
        **changes,
    }
    return STORE.types["sensor_msgs/msg/Image"](**fields)


def q_at(ns: int) -> np.ndarray:
    """Joint angles that change linearly with time."""
    return np.linspace(-0.5, 0.6, 7) * (ns - START_NS) / 1e9


def joint_state(ns: int, names: list[str] | None = None, position: Any = None) -> Any:
    names = [*CONTRACT.arm.joints, *FINGERS] if names is None else names
    values = np.concatenate([q_at(ns), [0.01, 0.02]]) if position is None else np.array(position)
    empty = np.zeros(0)
    return STORE.types["sensor_msgs/msg/JointState"](header(ns), names, values, empty, empty)


def applied(ns: int, proposal_ns: int, twist: Any, gripper_m: float = 0.08) -> Any:
    return STORE.types["robot_meta_msgs/msg/Applied"](
        header(ns, "base"),
        "teleop" if proposal_ns else "",
        header(proposal_ns).stamp,
        np.array(twist, np.float64),
        gripper_m,
        list(CONTRACT.arm.joints),
        np.zeros(7),
        np.zeros(7),
        0,
        ns,
    )


def drive(ns: int) -> list[float]:
    """The command of the image at or before a stamp: its number as speed."""
    number = (ns - START_NS) // IMAGE_STEP
    return [0.01 * number, 0.0, -0.01 * number, 0.0, 0.0, 0.0]


def stream(images: int = 5) -> list[tuple[str, int, Any]]:
    """(topic, stamp in ns, message) of a driven robot: joints, gate, camera, by rising stamp."""
    end = START_NS + images * IMAGE_STEP
    out: list[tuple[str, int, Any]] = []
    for ns in range(START_NS, end, JOINT_STEP):
        if (ns - START_NS) % IMAGE_STEP == 0:
            out.append(("/front/image_raw", ns, image(ns)))
        out.append(("/joint_states", ns, joint_state(ns)))
        if (ns - START_NS) % GATE_STEP == 0:
            seen = ns - (ns - START_NS) % IMAGE_STEP
            out.append(("/command_gate/applied", ns, applied(ns, seen, drive(ns))))
    return out


def info(**changes: Any) -> EpisodeInfo:
    facts = {"robot": "sawyer", "kind": "robot", "task": "place/test/0", "clock": "sim"}
    return EpisodeInfo(**{**facts, "contract_hash": CONTRACT.hash, **changes})


def write_episode(
    folder: Path,
    messages: list[tuple[str, int, Any]] | None = None,
    *,
    change: Callable[[str, int, Any], Any] = lambda topic, ns, msg: msg,
    finish: bool = True,
    **facts: Any,
) -> Path:
    """Write an episode; `change` may replace a message, or leave it out by None."""
    writer = Writer(folder, info(**facts), CONTRACT)
    for topic, ns, msg in stream() if messages is None else messages:
        changed = change(topic, ns, msg)
        if changed is not None:
            name = type(changed).__msgtype__
            writer.add_topic(topic, name, [])
            writer.write(topic, bytes(STORE.serialize_cdr(changed, name)), ns, ns)
    if finish:
        writer.close("succeeded", "stop requested")
    else:
        writer.abort()
    return folder


def plain(msg: Any) -> Any:
    """A message as nested namespaces: what any object with the fields looks like."""
    if not hasattr(msg, "__dataclass_fields__"):
        return msg
    fields = [f for f in msg.__dataclass_fields__ if f != "__msgtype__"]
    return SimpleNamespace(**{f: plain(getattr(msg, f)) for f in fields})


def digest(frame: Frame) -> str:
    """SHA-256 over every field of a frame: equal digests are equal frames, to the bit."""
    parts = (frame.rgb, frame.q_rad, frame.ee_pos_m, frame.ee_quat_wxyz)
    joined = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
    return hashlib.sha256(joined + np.float64(frame.gripper_m).tobytes()).hexdigest()
