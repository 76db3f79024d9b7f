"""A camera: pictures of a device, a video file or a stream as `<cam>/image_raw` and `camera_info`.

The pictures are taken by the thread of `capture`; here they become the contract's picture and are
published. `~/snapshot` writes the last one as the camera gave it; `~/restart` opens the source
anew, which begins a file again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger

from robot_meta.errors import ConfigError
from robot_meta.files import write_atomic
from ros_nodes.calibration import Calibration
from ros_nodes.capture import AT_END, Capture, Settings, Shot
from ros_nodes.contract import Contract
from ros_nodes.framing import Framing, parse_crop
from ros_nodes.messages import fill_image, set_stamp
from ros_nodes.node import ERROR, OK, WARN, RobotNode, run
from ros_nodes.params import param
from ros_nodes.qos import SENSOR_PUB
from ros_nodes.sources import is_live, open_source

WATCH_S = 0.5
"""How often the capture is looked at."""
SILENT_S = 1.0
"""A live camera that gives nothing for so long is reported."""
LEVELS = {"opening": OK, "running": OK, "lost": ERROR, "ended": OK}


@dataclass(frozen=True, kw_only=True)
class CameraParams:
    """Parameters of the camera."""

    robot: str = param("sawyer", "Whose contract names topics and size.", read_only=True)
    source: str = param("/dev/video0", "Device, video file, or URL of a stream.", read_only=True)
    calibration: str = param(
        "", "Calibration file (YAML of camera_calibration); empty: none.", read_only=True
    )
    scale: bool = param(
        True, "Crop and scale to the contract's size; else as the camera gives it.", read_only=True
    )
    crop: str = param(
        "", "x,y,width,height that policies see, pixels; empty: the middle.", read_only=True
    )
    width: int = param(0, "Asked of a device, pixels; 0: its own.", low=0, high=16384)
    height: int = param(0, "Asked of a device, pixels; 0: its own.", low=0, high=16384)
    max_hz: float = param(
        0.0, "Pictures a second at most; 0: the contract's rate.", low=0.0, high=240.0
    )
    rate: float = param(
        1.0, "Seconds of a file a second; 0: as fast as it goes.", low=0.0, high=100.0
    )
    at_end: str = param("stop", "What is done at the end of a file.", choices=AT_END)
    snapshots: str = param("snapshots", "Folder that ~/snapshot writes to; made when needed.")

    def __post_init__(self) -> None:
        """Refuse a crop that is none."""
        parse_crop(self.crop)


class CameraNode(RobotNode):
    """Node `camera`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("camera", CameraParams(), **kwargs)
        self._capture: Capture | None = None
        self._undo: list[Callable[[], object]] = []
        self._last: Shot | None = None
        self._seen = 0

    # --- lifecycle ------------------------------------------------------------------------------

    def setup(self) -> None:
        """Read the calibration, look at a file, make publishers and services."""
        self._contract = Contract.load(self.p.robot)
        camera = self._contract.camera
        self._calibration = Calibration.load(self.p.calibration) if self.p.calibration else None
        if not is_live(self.p.source):
            open_source(self.p.source).close()
        self._framings: dict[tuple[int, int], tuple[Framing | None, Calibration]] = {}
        self._image_pub = self.create_lifecycle_publisher(Image, camera.image_topic, SENSOR_PUB(2))
        self._info_pub = self.create_lifecycle_publisher(
            CameraInfo, camera.info_topic, SENSOR_PUB(2)
        )
        self._came = self.create_guard_condition(self._on_shots)
        self._undo = [
            partial(self.destroy_lifecycle_publisher, self._image_pub),
            partial(self.destroy_lifecycle_publisher, self._info_pub),
            partial(self.destroy_guard_condition, self._came),
        ]
        for name, answer in (("snapshot", self._on_snapshot), ("restart", self._on_restart)):
            service = self.create_service(Trigger, f"~/{name}", answer)
            self._undo.append(partial(self.destroy_service, service))
        timer = self.steady_timer(WATCH_S, self._watch)
        self._undo.append(partial(self.destroy_timer, timer))
        self.publish_contract(self._contract.hash)

    def start(self) -> None:
        """Open the source."""
        self._begin(after_ns=0)

    def stop(self) -> None:
        """Close the source."""
        if self._capture is not None and not self._capture.close():
            self.get_logger().error(f"{self.p.source}: its driver hangs; left behind")
        self._capture = None

    def teardown(self) -> None:
        """Give back what `setup` made."""
        while self._undo:
            self._undo.pop()()

    def _begin(self, after_ns: int) -> None:
        p = self.p
        topic = self._contract.topic(self._contract.camera.image_topic)
        settings = Settings(
            max_hz=p.max_hz or topic.rate_hz or 30.0,
            rate=p.rate,
            at_end=p.at_end,
            after_ns=after_ns,
        )
        self._seen, self._seen_s = 0, time.monotonic()
        self._capture = Capture(
            partial(open_source, p.source, p.width, p.height),
            settings,
            self.now_ns,
            self._came.trigger,
        )
        self._watch()  # from now on no report is of before

    # --- pictures -------------------------------------------------------------------------------

    def _on_shots(self) -> None:
        """The capture has handed something over."""
        if self._capture is None:
            return
        for shot in self._capture.take():
            self._last = shot
            framing, calibration = self._framed(shot)
            pixels = framing.apply(shot.rgb) if framing is not None else shot.rgb
            image, info = Image(), CameraInfo()
            for msg in (image, info):
                set_stamp(msg.header.stamp, shot.stamp_ns)
                msg.header.frame_id = self._contract.camera.frame_id
            fill_image(image, pixels)
            calibration.fill(info)
            self._image_pub.publish(image)
            self._info_pub.publish(info)

    def _framed(self, shot: Shot) -> tuple[Framing | None, Calibration]:
        """How pictures of this size are cut and scaled, and the calibration of the result."""
        height, width = shot.rgb.shape[:2]
        if (height, width) not in self._framings:
            found = Calibration.none(width, height)
            if self._calibration is not None:
                found = self._checked(self._calibration, width, height)
            framing = self._framing(height, width) if self.p.scale else None
            framed = found.framed(framing) if framing is not None else found
            self._framings[height, width] = framing, framed
        return self._framings[height, width]

    def _framing(self, height: int, width: int) -> Framing:
        camera = self._contract.camera
        try:
            found = Framing.of(height, width, camera, parse_crop(self.p.crop))
        except ConfigError as error:
            self.diagnose("crop", ERROR, f"{error}; the middle is taken")
            return Framing.of(height, width, camera)
        self.diagnose("crop", OK, f"of {width} x {height}: {found.rect}")
        return found

    def _checked(self, calibration: Calibration, width: int, height: int) -> Calibration:
        if (calibration.width, calibration.height) == (width, height):
            self.diagnose("calibration", OK, f"of {width} x {height}")
            return calibration
        self.diagnose(
            "calibration",
            ERROR,
            f"it is of {calibration.width} x {calibration.height}, the camera gives "
            f"{width} x {height}: not used; calibrate at this size, or set width and height",
        )
        return Calibration.none(width, height)

    # --- services and diagnostics ---------------------------------------------------------------

    def _on_snapshot(self, _: Any, response: Any) -> Any:
        """Service `snapshot`: the last picture as a PNG file."""
        shot = self._last
        if shot is None:
            why = self._capture.status.text if self._capture is not None else "not active"
            response.success, response.message = False, f"no picture yet: {why}"
            return response
        name = f"{self._contract.camera.name}-{shot.stamp_ns}.png"
        path = Path(self.p.snapshots).expanduser().absolute() / name
        _, png = cv2.imencode(".png", cv2.cvtColor(shot.rgb, cv2.COLOR_RGB2BGR))
        try:
            write_atomic(path, png.tobytes())
        except OSError as error:
            response.success, response.message = False, f"{path}: cannot be written: {error}"
            return response
        response.success, response.message = True, str(path)
        return response

    def _on_restart(self, _: Any, response: Any) -> Any:
        """Service `restart`: open the source anew; a file begins again, with later stamps."""
        if self._capture is None:
            response.success, response.message = False, "the camera is not active"
            return response
        after_ns = self._capture.last_ns
        self.stop()
        self._begin(after_ns)
        response.success, response.message = True, f"{self.p.source} is opened anew"
        return response

    def _watch(self) -> None:
        """Timer: how the capture is doing."""
        if self._capture is None:
            return
        state, text = self._capture.status
        level, now_s = LEVELS[state], time.monotonic()
        if self._capture.shots != self._seen:
            self._seen, self._seen_s = self._capture.shots, now_s
        elif is_live(self.p.source) and state != "lost" and now_s - self._seen_s > SILENT_S:
            level, text = WARN, f"no picture for {now_s - self._seen_s:.0f} s"
        told = text if state == "lost" else f"{self.p.source}: {text}"
        self.diagnose("source", level, told, state=state, pictures=self._capture.shots)


def main(argv: list[str] | None = None) -> int:
    """Run the node."""
    return run(CameraNode, argv)
