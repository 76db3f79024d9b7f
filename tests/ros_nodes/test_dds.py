"""The Fast DDS profile: which one is chosen, and that ROS really loaded it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from ros_nodes import dds

PROBE = """
import sys
from tests.ros_client import Client
from ros_nodes.qos import SENSOR_SUB
from sensor_msgs.msg import Image
client = Client("probe")
images = client.inbox(Image, "image", SENSOR_SUB)
print("listening", flush=True)
client.until(lambda: images and images[-1].header.frame_id == "last", 30.0)
print("got", sum(len(i.data) == 921600 for i in images), "of", images[-1].width, flush=True)
client.close()
"""
FRAMES = 90


def test_both_variables_are_set_and_the_users_own_wins():
    environment = dds.environment({})
    assert {*dds.PROFILE_VARIABLES, dds.DISCOVERY_VARIABLE} == set(environment)
    assert environment[dds.DISCOVERY_VARIABLE] == "LOCALHOST"
    own = dds.environment({"FASTDDS_DEFAULT_PROFILES_FILE": "mine.xml"})
    assert set(own) == {dds.DISCOVERY_VARIABLE}
    assert dds.environment(environment | {"HOME": "x"}) == {}


def test_the_open_network_is_another_profile():
    environment = dds.environment({dds.NETWORK_VARIABLE: "open"})
    assert environment[dds.DISCOVERY_VARIABLE] == "SUBNET"
    assert environment[dds.PROFILE_VARIABLES[0]].endswith("fastdds_open.xml")
    with pytest.raises(ValueError, match=r"ROBOT_META_NETWORK='wide'.*local, open"):
        dds.environment({dds.NETWORK_VARIABLE: "wide"})


@pytest.mark.parametrize(("network", "listens_on"), [("local", ["127.0.0.1"]), ("open", [])])
def test_profiles_are_alike_but_for_the_white_list(network: str, listens_on: list[str]):
    root = ET.parse(dds.profile_path(network)).getroot()
    name = "{http://www.eprosima.com}"
    assert [e.text for e in root.iter(f"{name}address")] == listens_on
    assert [e.text for e in root.iter(f"{name}segment_size")] == ["8388608"]
    assert next(root.iter(f"{name}leaseDuration"))[0].text == "2"


@pytest.mark.ros
def test_a_vga_stream_arrives_whole_in_another_process(nodes, ros_client):
    """With Fast DDS's own defaults a few per cent arrive: that shows a profile not loaded."""
    from sensor_msgs.msg import Image

    from ros_nodes.qos import SENSOR_PUB

    probe = nodes.python("-c", PROBE)
    probe.wait_for("listening")
    publisher = ros_client.node.create_publisher(Image, "image", SENSOR_PUB(2))
    ros_client.until(publisher.get_subscription_count, what="a subscriber")
    message = Image(height=480, width=640, step=1920, encoding="rgb8")
    message.data.frombytes(bytes(921600))
    sent = 0

    def send() -> None:
        nonlocal sent
        sent += 1
        message.width = sent
        message.header.frame_id = "last" if sent >= FRAMES else ""
        if sent <= FRAMES + 30:  # "last" is repeated, should the very last be lost
            publisher.publish(message)

    ros_client.node.create_timer(1 / 30, send)
    ros_client.until(lambda: sent > FRAMES + 30, 30.0)
    got, total = (int(word) for word in probe.wait_for("got").split()[1::2])
    assert total >= FRAMES
    assert got >= 0.95 * total
