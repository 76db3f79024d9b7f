"""What ships beside the code: messages, configuration, package descriptions. They must agree."""

from __future__ import annotations

import importlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from ros_nodes.contract import Contract

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / "ros_nodes" / "robot_meta_msgs"
INTERFACES = sorted(p.relative_to(MESSAGES) for kind in ("msg", "srv", "action")
                    for p in (MESSAGES / kind).iterdir())  # fmt: skip


def fields(text: str) -> list[str]:
    """Field names of one section of an interface file."""
    lines = (line.split("#")[0].split() for line in text.splitlines())
    return [words[1] for words in lines if len(words) == 2 and "=" not in words[1]]


def test_cmake_builds_every_interface():
    listed = re.findall(
        r'"((?:msg|srv|action)/\w+\.\w+)"', (MESSAGES / "CMakeLists.txt").read_text()
    )
    assert sorted(listed) == [str(path) for path in INTERFACES]


@pytest.mark.ros
@pytest.mark.parametrize("path", INTERFACES, ids=str)
def test_what_is_installed_is_what_is_written_here(path: Path):
    """Fails where the messages were changed and not built again; `make setup` does."""
    built = getattr(importlib.import_module(f"robot_meta_msgs.{path.parent}"), path.stem)
    sections = (MESSAGES / path).read_text().split("\n---\n")
    parts = {
        "msg": lambda: [built],
        "srv": lambda: [built.Request, built.Response],
        "action": lambda: [built.Goal, built.Result, built.Feedback],
    }[path.parent.name]()
    for part, section in zip(parts, sections, strict=True):
        assert list(part.get_fields_and_field_types()) == fields(section)


def test_example_controllers_fit_the_contract():
    contract = Contract.load("sawyer")
    path = ROOT / "ros_nodes" / "config" / "ros2_controllers.example.yaml"
    controllers = yaml.safe_load(path.read_text())
    arm = controllers["arm_controller"]["ros__parameters"]
    assert sorted(arm["joints"]) == sorted(contract.arm.joints)
    assert arm["allow_nonzero_velocity_at_trajectory_end"] is False
    declared = controllers["controller_manager"]["ros__parameters"]
    for name in ("arm_controller/joint_trajectory", "gripper_controller/commands"):
        assert name in {topic.name for topic in contract.topics}
        controller = name.split("/")[0]
        assert "type" in declared[controller]
        assert controller in controllers


def test_package_descriptions_agree_on_name_and_version():
    for folder, name in ((ROOT, "robot_meta"), (MESSAGES, "robot_meta_msgs")):
        package = ET.parse(folder / "package.xml").getroot()
        project = (folder / "pyproject.toml").read_text()
        assert package.findtext("name") == name
        assert f'name = "{name.replace("_", "-")}"' in project
        assert f'version = "{package.findtext("version")}"' in project
        assert package.findtext("license") == "Apache-2.0"


def test_messages_build_requirements_are_one_list():
    """`make setup` reads them from the messages' own pyproject.toml."""

    def listed(path: Path, key: str) -> set[str]:
        block = re.search(rf"^{key} = \[\n(.*?)^\]", path.read_text(), re.M | re.S)
        assert block
        return set(re.findall(r'^\s*"([^"]+)"', block[1], re.M))

    needed = listed(MESSAGES / "pyproject.toml", "requires")
    extra = listed(ROOT / "pyproject.toml", "ros-build")
    assert extra <= needed
