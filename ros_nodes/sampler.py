"""Asynchronous streams -> one `Frame` for each camera image. The same object live and from a bag.

Each frame carries the stamp of its image. Joint values are those at that stamp: the message with
exactly this stamp where there is one, else the straight line between the neighbours. A frame is
therefore complete only when a joint state at or after the image has come; until then the sampler
waits, and so the result depends on stamps alone, never on the order in which messages arrived:
what the live policy saw and what a bag decodes to are equal. Imports no ROS.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robot_meta.errors import ObservationError
from robot_meta.types import Frame
from ros_nodes import messages
from ros_nodes.contract import Contract

if TYPE_CHECKING:
    from sim.camera import ImageSpec

Array = NDArray[np.float64]
Forward = Callable[[Array], tuple[Array, Array]]
"""Joint angles (n,) rad -> tip position (3,) m and orientation (4,) wxyz in the base frame."""

STREAMS = ("rgb", "joints", "gripper")
JOINT_TOPIC = "joint_states"
# Images that wait for their joint state: over a second at 10 Hz means a dead joint topic.
MAX_WAITING_IMAGES = 16
# Joint states kept: over 2 s at 100 Hz, far beyond every age budget.
MAX_SAMPLES = 256
# A stamp this much before the last one is another run of the clock, not a late message.
REWIND_NS = 1_000_000_000


class _Track:
    """Samples of one stream by rising stamp."""

    def __init__(self) -> None:
        self.stamps: deque[int] = deque(maxlen=MAX_SAMPLES)
        self.values: deque[Array] = deque(maxlen=MAX_SAMPLES)

    def push(self, stamp_ns: int, value: Array) -> None:
        if self.stamps and stamp_ns <= self.stamps[-1]:
            return  # late or repeated: what was already used must not change
        self.stamps.append(stamp_ns)
        self.values.append(value)

    def at(self, stamp_ns: int, max_age_ns: int, what: str) -> tuple[Array | None, str, bool]:
        """The value at a stamp, else None, the reason, and whether waiting can help."""
        if not self.stamps:
            return None, f"{what}: nothing came yet", True
        i = bisect_left(self.stamps, stamp_ns)
        if i == len(self.stamps):
            lag = (stamp_ns - self.stamps[-1]) / 1e6
            return None, f"{what}: the newest is {lag:.0f} ms older than the image", True
        if self.stamps[i] == stamp_ns:
            return self.values[i], "", False
        if i == 0:
            return None, f"{what}: none from before the image", False
        before, after = self.stamps[i - 1], self.stamps[i]
        if max_age_ns and max(stamp_ns - before, after - stamp_ns) > max_age_ns:
            gap, limit = (after - before) / 1e6, max_age_ns / 1e6
            return None, f"{what}: a gap of {gap:.0f} ms at the image, at most {limit:.0f}", False
        share = (stamp_ns - before) / (after - before)
        return (1.0 - share) * self.values[i - 1] + share * self.values[i], "", False


class Sampler:
    """Collects a robot's streams and gives one `Frame` for each image.

    Args:
        contract: names, camera and age budgets.
        forward: kinematics of the arm; None takes those of the contract's robot.
        proprioception: False for a recording without joints (a video of a person): joint
            angles, tip pose and opening of its frames are NaN.
    """

    def __init__(
        self, contract: Contract, forward: Forward | None = None, *, proprioception: bool = True
    ) -> None:
        self.contract = contract
        self.why = "no image yet"
        """Why the last `frame` was None."""
        self.waiting = True
        """Whether the last missing frame may still become complete."""
        self.lost = 0
        """Images that no frame could be made for."""
        self._forward = forward or kinematics(contract.robot)
        self._proprioception = proprioception
        self._spec = contract.camera.spec
        self._max_age_ns = contract.topic(JOINT_TOPIC).max_age_ns
        self._images: dict[int, NDArray[np.uint8]] = {}
        self._last_image_ns = -1
        self._tracks = {"joints": _Track(), "gripper": _Track()}

    def feed(self, topic: str, msg: Any) -> bool:
        """Take a message of a contract topic (relative name); False: not a topic of frames.

        Raises:
            ObservationError: the message cannot be used; the sampler is as before it.
        """
        camera = self.contract.camera
        if topic == camera.image_topic:
            stamp = self._stamp(topic, msg)
            self.push("rgb", stamp, self._named(topic, lambda: messages.rgb(msg)))
        elif topic == JOINT_TOPIC:
            stamp, arm = self._stamp(topic, msg), self.contract.arm
            joints = messages.joint_positions(msg, arm.joints)
            fingers = messages.joint_positions(msg, arm.gripper_joints)
            self.push("joints", stamp, joints)
            self.push("gripper", stamp, float(fingers.sum()))
        else:
            return False
        return True

    def push(self, stream: str, stamp_ns: int, value: Any) -> None:
        """Take one sample: "rgb" (H, W, 3) uint8 raw, "joints" (n,) rad, "gripper" opening in m.

        Raises:
            ObservationError: another shape or type than the contract's, or not finite.
        """
        if stream not in STREAMS:
            raise ValueError(f"stream {stream!r}, need one of {STREAMS}")
        if stamp_ns <= 0:
            raise ObservationError(f"{stream}: stamp {stamp_ns} ns; need the time of capture, > 0")
        if stream == "rgb":
            self._push_image(stamp_ns, value)
            return
        count = 1 if stream == "gripper" else len(self.contract.arm.joints)
        sample = np.array(value, np.float64).reshape(-1)
        if sample.shape != (count,) or not np.isfinite(sample).all():
            raise ObservationError(f"{stream}: got {value}, need {count} finite values")
        track = self._tracks[stream]
        if track.stamps and stamp_ns < track.stamps[-1] - REWIND_NS:
            self.clear()
            track = self._tracks[stream]
        track.push(stamp_ns, sample)

    def frame(self, stamp_ns: int) -> Frame | None:
        """The frame of the image with this stamp; None with the reason in `why`."""
        image = self._images.get(stamp_ns)
        if image is None:
            self.why, self.waiting = f"no image with stamp {stamp_ns} ns", False
            return None
        if not self._proprioception:
            nothing = np.full(len(self.contract.arm.joints), np.nan)
            return self._made(stamp_ns, image, nothing, np.full(1, np.nan))
        values = []
        for stream in ("joints", "gripper"):
            value, why, waiting = self._tracks[stream].at(stamp_ns, self._max_age_ns, JOINT_TOPIC)
            if value is None:
                self.why, self.waiting = why, waiting
                return None
            values.append(value)
        return self._made(stamp_ns, image, *values)

    def ready(self) -> list[Frame]:
        """The frames that became complete since the last call, oldest first; each is given once.

        Images that can no longer become a frame are dropped and counted in `lost`.
        """
        frames = []
        for stamp in list(self._images):
            frame = self.frame(stamp)
            if frame is None and self.waiting:
                break
            if frame is not None:
                frames.append(frame)
            else:
                self.lost += 1
            del self._images[stamp]
        return frames

    def see(self, spec: ImageSpec) -> None:
        """Give pictures of this crop and size from now on."""
        self._spec = spec

    def clear(self) -> None:
        """Forget all samples, as at the start of another run."""
        self._images.clear()
        self._last_image_ns = -1
        self._tracks = {stream: _Track() for stream in self._tracks}

    def _push_image(self, stamp_ns: int, image: Any) -> None:
        camera = self.contract.camera
        need = (camera.height, camera.width, 3)
        shape, kind = getattr(image, "shape", None), getattr(image, "dtype", type(image).__name__)
        if shape != need or kind != np.uint8:
            raise ObservationError(
                f"{camera.image_topic}: image {shape} {kind}, but robot {self.contract.robot} has "
                f"{need} uint8 (rows, columns, RGB); use its camera, or a contract with this size"
            )
        if stamp_ns < self._last_image_ns - REWIND_NS:
            self.clear()
        if stamp_ns <= self._last_image_ns:
            return
        self._last_image_ns = stamp_ns
        self._images[stamp_ns] = image
        while len(self._images) > MAX_WAITING_IMAGES:
            del self._images[next(iter(self._images))]
            self.lost += 1

    def _made(
        self, stamp_ns: int, image: NDArray[np.uint8], joints: Array, opening: Array
    ) -> Frame:
        pos, quat = (
            self._forward(joints)
            if np.isfinite(joints).all()
            else (np.full(3, np.nan), np.full(4, np.nan))
        )
        self.why, self.waiting = "", False
        return Frame(
            stamp_ns=stamp_ns,
            rgb=self._spec.apply(image),
            q_rad=joints,
            ee_pos_m=pos,
            ee_quat_wxyz=quat,
            gripper_m=float(opening[0]),
        )

    def _stamp(self, topic: str, msg: Any) -> int:
        accepted = self.contract.topic(topic).frame_ids
        if accepted and msg.header.frame_id not in accepted:
            raise ObservationError(
                f"{topic}: frame_id {msg.header.frame_id!r}, need one of {list(accepted)}"
            )
        stamp = messages.stamp_ns(msg.header.stamp)
        if stamp <= 0:
            raise ObservationError(f"{topic}: stamp {stamp} ns; need the time of capture, > 0")
        return stamp

    def _named(self, topic: str, decode: Callable[[], Any]) -> Any:
        try:
            return decode()
        except ObservationError as error:
            raise ObservationError(f"{topic}: {error}") from error


def kinematics(robot: str) -> Forward:
    """The forward kinematics of a robot whose model ships with the package.

    Raises:
        ObservationError: no model of this robot.
    """
    if robot == "sawyer":
        from sim.sawyer import Kinematics  # here: MuJoCo loads in 0.2 s

        return Kinematics().forward
    raise ObservationError(f"no kinematics for robot {robot!r}; pass `forward` to Sampler")
