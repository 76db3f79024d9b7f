"""Video files of every oddity, made where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TIME_BASE = Fraction(1, 90_000)
RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 30), (30, 30, 220), (90, 90, 90)


def corners(width: int = 96, height: int = 64) -> np.ndarray:
    """Grey, with a red top left and a blue top right corner."""
    picture = np.full((height, width, 3), GREY, np.uint8)
    h, w = height // 3, width // 3
    picture[:h, :w], picture[:h, -w:] = RED, BLUE
    return picture


def ramp(count: int, width: int = 96, height: int = 64) -> list[np.ndarray]:
    """Even grey pictures; up to 28 of them can be told apart: the brightness rises by 8."""
    return [np.full((height, width, 3), 16 + 8 * (i % 28), np.uint8) for i in range(count)]


def level(picture: np.ndarray) -> int:
    """Which picture of a `ramp` this is."""
    return round((float(picture.mean()) - 16) / 8)


def moving(seconds: Sequence[tuple[float, float]], length_s: float, fps: int = 10, **size: int):
    """A disc that moves in these spans of time only, on a background with some noise."""
    width, height = size.get("width", 320), size.get("height", 240)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    across = width * 0.35
    for i in range(round(length_s * fps)):
        moved = any(a <= i / fps < b for a, b in seconds)
        across += 0.6 * width / fps * 0.4 if moved else 0.0
        picture = np.full((height, width, 3), 120, np.uint8)
        disc = (x - across % width) ** 2 + (y - height / 2) ** 2 < (height / 8) ** 2
        picture[disc] = RED
        noise = rng.normal(0, 2, picture.shape)
        yield np.clip(picture + noise, 0, 255).astype(np.uint8)


def write(
    path: Path,
    pictures,
    times_s: Sequence[float] | None = None,
    *,
    fps: float = 10.0,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    color_trc: int | None = None,
) -> Path:
    """Write a video; `times_s` gives each picture its own time."""
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = None
        for i, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream(codec, rate=round(fps))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pix_fmt
                stream.codec_context.time_base = (
                    TIME_BASE if codec != "mpeg4" else Fraction(1, 1000)
                )
                if codec == "libx264":
                    stream.options = {"preset": "ultrafast", "crf": "10"}
                if rotation:
                    stream.set_display_rotation(rotation)
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if color_trc is not None:
                    stream.codec_context.color_trc = color_trc
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            seconds = i / fps if times_s is None else times_s[i]
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(seconds / frame.time_base)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


def cut(path: Path, share: float = 0.6) -> Path:
    """Leave the first part of a file only."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path
