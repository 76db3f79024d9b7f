"""`robot-meta doctor`: what works on this machine, and how to mend what does not. No ROS here.

Each check that could crash or hang runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import tyro

from ros_nodes import dds, shared_memory
from ros_nodes.devices import cameras

OK, WARNING, MISSING = "ok", "warning", "missing"
CONSOLE_PORT = 8080
MIN_SHARED_MEMORY_MB = 256
MIN_DISK_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    check: str
    state: str
    found: str
    mend: str = ""


def doctor(json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None) -> int:
    """Check ROS, rendering, torch, cameras and ports, and say how to mend what is missing.

    Args:
        json_path: also write the findings to this file.

    Returns:
        1 when something is missing without which the main job does not run.
    """
    findings = []
    for check in CHECKS:
        finding = check()
        findings.append(finding)
        mark = {OK: "ok  ", WARNING: "note", MISSING: "FAIL"}[finding.state]
        print(f"{mark}  {finding.check:<14}{finding.found}", flush=True)
        if finding.mend:
            print(f"{'':20}{finding.mend}", flush=True)
    if json_path is not None:
        json_path.write_text(json.dumps([asdict(finding) for finding in findings], indent=1) + "\n")
    missing = [finding.check for finding in findings if finding.state == MISSING]
    print(f"\nmissing: {', '.join(missing)}" if missing else "\neverything needed is here")
    return int(bool(missing))


def check_python() -> Finding:
    """Interpreter and machine."""
    found = f"{platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    if sys.version_info >= (3, 14):
        return Finding("python", WARNING, found, "the ROS wheels are for Python 3.10 to 3.13")
    return Finding("python", OK, found)


def check_libraries() -> Finding:
    """The core dependencies, by the versions that pip knows."""
    wanted = ("numpy", "mujoco", "gymnasium", "safetensors", "mcap", "av", "tyro")
    absent = [name for name in wanted if importlib.util.find_spec(name) is None]
    if absent:
        return Finding("libraries", MISSING, f"no {', '.join(absent)}", "run `make setup`")
    return Finding("libraries", OK, ", ".join(f"{n} {metadata.version(n)}" for n in wanted))


def check_torch() -> Finding:
    """Torch computes a gradient."""
    script = (
        "import torch; x = torch.ones(3, requires_grad=True); (x * x).sum().backward()\n"
        "where = torch.cuda.get_device_name() if torch.cuda.is_available() else 'processor'\n"
        "print(torch.__version__, 'on', where)"
    )
    return _probe("torch", script, "install torch >= 2.4, or run `make setup`", limit_s=60)


def check_rendering() -> Finding:
    """An image comes out of MuJoCo, off screen."""
    script = (
        "import sim, os, time, mujoco\n"
        "m = mujoco.MjModel.from_xml_string('<mujoco><visual><quality shadowsize=\"0\" '\n"
        '  \'offsamples="0"/></visual><worldbody><light pos="0 0 2"/><geom size=".1"/>\'\n'
        "  '</worldbody></mujoco>'); d = mujoco.MjData(m); mujoco.mj_forward(m, d)\n"
        "r = mujoco.Renderer(m, 84, 84); r.update_scene(d); assert r.render().max() > 0\n"
        "t = time.perf_counter()\n"
        "for _ in range(50): r.update_scene(d); r.render()\n"
        "rate = 50 / (time.perf_counter() - t)\n"
        "print(f\"{os.environ.get('MUJOCO_GL', 'default')}, {rate:.0f} small frames/s\"); r.close()"
    )
    mend = "install EGL (Debian, Ubuntu: libegl1 libgl1-mesa-dri), or set MUJOCO_GL=osmesa"
    return _probe("rendering", script, mend, limit_s=60)


def check_video() -> Finding:
    """PyAV can write MP4."""
    script = "import av; av.codec.Codec('libx264', 'w'); print('H.264 by PyAV', av.__version__)"
    return _probe("video", script, "pip install av", limit_s=30, state=WARNING)


def check_ros() -> Finding:
    """A VGA image goes from one ROS context to another."""
    if importlib.util.find_spec("rclpy") is None:
        mend = "run `make setup` for the Jazzy wheels, or source a ROS 2 installation"
        return Finding("ros", MISSING, "no rclpy", mend)
    script = (
        "from ros_nodes import dds; dds.ensure_profile()\n"
        "from ros_nodes.echo import delivery_ms\n"
        "import os; ms = delivery_ms(480, 640)\n"
        "rmw = os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp')\n"
        "print(f'VGA image in {ms:.1f} ms by {rmw}')"
    )
    mend = "see the message above; a firewall on lo, or a full shared-memory folder, are usual"
    return _probe("ros", script, mend, limit_s=30)


def check_messages() -> Finding:
    """robot_meta_msgs is built for this Python."""
    script = "import robot_meta_msgs.action as a; a.Adapt.Goal(); print('robot_meta_msgs loads')"
    return _probe("messages", script, "run `make setup`, or `colcon build` (docs/ros2.md)", 30)


def check_network() -> Finding:
    """Domain, discovery range and DDS profile in force."""
    environment = {**os.environ, **dds.environment()}
    domain = environment.get("ROS_DOMAIN_ID", "0")
    reach = environment[dds.DISCOVERY_VARIABLE]
    profile = Path(environment.get(dds.PROFILE_VARIABLES[0], "none"))
    found = f"domain {domain}, {reach}, {profile.name}"
    if not domain.isdigit() or int(domain) > 101:
        return Finding("network", WARNING, found, "keep ROS_DOMAIN_ID to 0-101")
    if not profile.is_file():
        return Finding("network", MISSING, found, f"{profile} is not there; unset the variable")
    return Finding("network", OK, found)


def check_shared_memory() -> Finding:
    """Room for images between processes."""
    folder = shared_memory.FOLDER
    if not folder.is_dir():
        return Finding("shared memory", WARNING, "no /dev/shm; images go over sockets, slower")
    free_mb = shutil.disk_usage(folder).free / 2**20
    if free_mb < MIN_SHARED_MEMORY_MB:
        mend = "any `robot-meta launch` removes what killed nodes left (in Docker: --shm-size=1g)"
        return Finding("shared memory", WARNING, f"{free_mb:.0f} MB free", mend)
    return Finding("shared memory", OK, f"{free_mb:.0f} MB free")


def check_ports() -> Finding:
    """The web console's port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", CONSOLE_PORT))
        except OSError as error:
            mend = "the web console will take another port"
            return Finding("ports", WARNING, f"{CONSOLE_PORT}: {error.strerror}", mend)
    return Finding("ports", OK, f"{CONSOLE_PORT} is free")


def check_devices() -> Finding:
    """Cameras and gamepads."""
    there = cameras()
    named = [f"{device} ({name})" for device, name in there]
    pads = sorted(path.name for path in Path("/dev/input").glob("js*"))
    found = f"cameras: {', '.join(named) or 'none'}; gamepads: {', '.join(pads) or 'none'}"
    closed = [device for device, _ in there if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        mend = f"{', '.join(closed)}: add yourself to the group `video`, and log in again"
        return Finding("devices", WARNING, found, mend)
    return Finding("devices", OK, f"{found} (the simulator needs none)")


def check_disk() -> Finding:
    """Room for episodes."""
    free_gb = shutil.disk_usage(".").free / 2**30
    if free_gb < MIN_DISK_GB:
        mend = "an hour of episodes takes about 10 GB"
        return Finding("disk", WARNING, f"{free_gb:.1f} GB free here", mend)
    return Finding("disk", OK, f"{free_gb:.0f} GB free here")


def check_ros2_tools() -> Finding:
    """Whether upstream's `ros2 launch` could be used too."""
    if shutil.which("ros2") and importlib.util.find_spec("launch_ros"):
        return Finding("ros2 tools", OK, "ros2 launch is here")
    return Finding("ros2 tools", OK, "no ros2 command; `robot-meta launch` does its work")


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_python,
    check_libraries,
    check_torch,
    check_rendering,
    check_video,
    check_ros,
    check_messages,
    check_network,
    check_shared_memory,
    check_ports,
    check_devices,
    check_disk,
    check_ros2_tools,
)


def _probe(check: str, script: str, mend: str, limit_s: float, state: str = MISSING) -> Finding:
    """Run a few lines of Python in a process of their own; the last line printed is the finding."""
    command = [sys.executable, "-c", script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return Finding(check, state, f"no answer in {limit_s:.0f} s", mend)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return Finding(check, state, lines[-1][:200], mend)
    return Finding(check, OK, (done.stdout.strip().splitlines() or [""])[-1])
