"""Pictures as an MP4 file."""

from __future__ import annotations

from os import PathLike
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

CODECS = ("libx264", "mpeg4")
"""The first of these that PyAV was built with is used."""


def encode(
    file: str | PathLike[str] | BinaryIO, rgb: NDArray[np.uint8], hz: int, crf: int = 30
) -> None:
    """Write pictures (T, H, W, 3), H and W even.

    Args:
        file: to write to.
        rgb: the pictures.
        hz: how many a second.
        crf: x264's quality: 23 is its default, 28 and more is what messengers send.
    """
    codec = next(name for name in CODECS if name in av.codecs_available)
    with av.open(file, "w", format="mp4") as container:
        stream: Any = container.add_stream(codec, rate=hz)
        stream.height, stream.width = rgb.shape[1:3]
        stream.pix_fmt = "yuv420p"
        # As many threads as there are cores is the default, and what comes out depends on it.
        stream.thread_count = 1
        if codec == "libx264":
            stream.options = {"crf": str(crf), "preset": "veryfast"}
        for picture in rgb:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
