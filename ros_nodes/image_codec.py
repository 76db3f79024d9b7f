"""Pictures as the messages of a contract's camera, written without ROS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ros_nodes.bag_writer import Writer
from ros_nodes.contract import Contract
from ros_nodes.messages import to_stamp
from ros_nodes.schemas import definition, typestore

IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"


class ImageCodec:
    """Writes pictures, and that their camera is not calibrated, into an episode."""

    def __init__(self, contract: Contract) -> None:
        self._camera = contract.camera
        self._topics = [contract.topic(self._camera.image_topic)]
        self._topics.append(contract.topic(self._camera.info_topic))
        self._store = typestore({name: definition(name).text for name in (IMAGE, INFO)})

    def write(self, writer: Writer, stamp_ns: int, rgb: NDArray[np.uint8]) -> None:
        """Append one picture (H, W, 3) uint8 of the contract's size."""
        header = self._header(stamp_ns)
        for topic, make in zip(self._topics, (self._image, self._info), strict=True):
            msg = make(header, rgb)
            writer.add_topic(f"/{topic.name}", topic.type, [topic.qos])
            data = bytes(self._store.serialize_cdr(msg, topic.type))
            writer.write(f"/{topic.name}", data, stamp_ns, stamp_ns)

    def _header(self, stamp_ns: int) -> Any:
        types = self._store.types
        stamp = types["builtin_interfaces/msg/Time"](*to_stamp(stamp_ns))
        return types["std_msgs/msg/Header"](stamp, self._camera.frame_id)

    def _image(self, header: Any, rgb: NDArray[np.uint8]) -> Any:
        height, width = rgb.shape[:2]
        flat = np.ascontiguousarray(rgb).reshape(-1)
        return self._store.types[IMAGE](header, height, width, "rgb8", 0, 3 * width, flat)

    def _info(self, header: Any, rgb: NDArray[np.uint8]) -> Any:
        types = self._store.types
        height, width = rgb.shape[:2]
        nine, twelve = np.zeros(9), np.zeros(12)
        region = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        return types[INFO](header, height, width, "", np.zeros(0), nine, nine, twelve, 0, 0, region)
