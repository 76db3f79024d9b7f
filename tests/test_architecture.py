"""The import rules of the three packages, and the layout that ROS and pip both need."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for package in ("robot_meta", "sim", "ros_nodes")
    for path in (ROOT / package).rglob("*.py")
    if "robot_meta_msgs" not in path.parts
)


def imports(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_import_contracts_are_kept():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_named_files_import_rclpy():
    allowed = {"node.py", "params.py", "qos.py", "echo.py", "taps.py"}
    offenders = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if "rclpy" in imports(path)
        and not path.name.endswith("_node.py")
        and path.name not in allowed
        and path.parent.name != "commands"
    ]
    assert not offenders


@pytest.mark.parametrize(
    ("package", "heavy"),
    [
        ("ros_nodes", ["rclpy", "torch", "mujoco"]),
        ("ros_nodes.graph", ["rclpy", "torch", "mujoco"]),
        ("ros_nodes.cli", ["rclpy", "torch", "mujoco", "tyro"]),
        ("ros_nodes.launcher", ["rclpy", "torch", "mujoco"]),
        ("ros_nodes.contract", ["rclpy", "torch"]),
        ("ros_nodes.messages", ["rclpy", "torch"]),
        ("robot_meta", ["rclpy", "mujoco", "sim"]),
        ("sim", ["rclpy", "torch", "robot_meta"]),
    ],
)
def test_importing_does_not_pull_in(package: str, heavy: list[str]):
    script = f"import {package}, sys; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_launch_folder_does_not_hide_ros_launch():
    assert not list((ROOT / "launch").glob("**/__init__.py"))


def test_each_executable_is_small_and_executable():
    scripts = list((ROOT / "scripts").iterdir())
    assert scripts
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"{script} is not executable"
        assert f"ros_nodes.{script.name}_node" in script.read_text()


def test_no_file_is_longer_than_one_idea():
    long = {str(p.relative_to(ROOT)): n for p in SOURCES if (n := _lines(p)) > 400}
    assert not long, "split these"


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
