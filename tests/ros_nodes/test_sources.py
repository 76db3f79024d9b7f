"""Where pictures come from: names, files, a network camera that goes away and comes back."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from robot_meta.errors import DataError, ObservationError
from ros_nodes.capture import Capture, Settings
from ros_nodes.sources import driver_age_ns, is_live, open_source
from tests.ros_nodes.videos import level, ramp, write

S = 1_000_000_000


@pytest.mark.parametrize(
    ("name", "live"),
    [
        ("0", True),
        ("/dev/video2", True),
        ("rtsp://10.0.0.2/live", True),
        ("http://phone:8080/video", True),
        ("film.mp4", False),
        ("/videos/film.mp4", False),
        ("file:///videos/film.mp4", False),
    ],
)
def test_names_tell_what_they_are(name, live):
    assert is_live(name) is live


def test_a_file_opens_by_path_and_by_url(tmp_path):
    path = write(tmp_path / "v.mp4", ramp(2))
    for name in (str(path), f"file://{path}"):
        source = open_source(name)
        assert [source.grab(), source.grab(), source.grab()] == [0, S // 10, None]
        assert level(source.picture()) == 1
        source.close()


def test_what_does_not_open_says_what_there_is(tmp_path):
    with pytest.raises(ObservationError, match=r"camera '/dev/video99' does not open; there are"):
        open_source("/dev/video99")
    with pytest.raises(DataError, match="no such file"):
        open_source(str(tmp_path / "gone.mp4"))


@pytest.mark.parametrize(
    ("stamp_ms", "age_ms"), [(9_970.0, 30), (10_001.0, 0), (9_000.0, 0), (0.0, 0), (-1.0, 0)]
)
def test_a_drivers_stamp_counts_where_it_makes_sense(stamp_ms, age_ms):
    assert driver_age_ns(stamp_ms, 10 * S) == age_ms * 1_000_000


@pytest.fixture
def phone():
    """A network camera, as phones are: JPEGs one after another over HTTP, ten a connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            for picture in ramp(10, 64, 48):
                _, data = cv2.imencode(".jpg", picture)
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data.tobytes() + b"\r\n")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/video"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_network_camera_is_followed_and_opened_again(phone):
    opened: list = []
    came = threading.Event()

    def open_it():
        opened.append(open_source(phone))
        return opened[-1]

    capture = Capture(open_it, Settings(max_hz=240.0), time.monotonic_ns, came.set)
    shots = []
    while len(opened) < 3 or not shots:
        assert came.wait(60.0), capture.status
        came.clear()
        shots += capture.take()
    assert capture.close(10.0)
    assert all(shot.rgb.shape == (48, 64, 3) for shot in shots)
    assert (np.diff([shot.stamp_ns for shot in shots]) > 0).all()
