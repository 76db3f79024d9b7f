import copy

import pytest
import yaml

from robot_meta.errors import ContractError
from ros_nodes.contract import Contract, robots
from sim.camera import POLICY_IMAGE
from sim.sawyer import GRIPPER_JOINT_NAMES, GRIPPER_MAX_M, JOINT_NAMES, TCP_FRAME


@pytest.fixture
def table():
    return Contract.load("sawyer").to_dict()


def test_sawyer_contract_agrees_with_the_model():
    contract = Contract.load("sawyer")
    assert contract.arm.joints == JOINT_NAMES
    assert contract.arm.gripper_joints == GRIPPER_JOINT_NAMES
    assert contract.arm.gripper_max_m == GRIPPER_MAX_M
    assert contract.frames.tip == TCP_FRAME
    assert contract.camera.spec == POLICY_IMAGE


def test_plain_data_and_back(table):
    contract = Contract.load("sawyer")
    assert Contract.from_dict(table) == contract
    assert Contract.from_dict(table).hash == contract.hash


def test_hash_changes_with_any_value(table):
    changed = copy.deepcopy(table)
    changed["topics"]["joint_states"]["max_age_s"] = 0.2
    assert Contract.from_dict(changed).hash != Contract.load("sawyer").hash


def test_load_by_file(tmp_path, table):
    file = tmp_path / "other.yaml"
    file.write_text(yaml.safe_dump({**table, "robot": "other"}))
    assert Contract.load(file).robot == "other"
    assert "sawyer" in robots()


def test_topics_are_found_by_name():
    contract = Contract.load("sawyer")
    assert contract.topic("joint_states").max_age_ns == 100_000_000
    assert "/clock" not in {t.name for t in contract.recorded}
    with pytest.raises(ContractError, match=r"no topic 'jointstates'; it has: .*joint_states"):
        contract.topic("jointstates")


def broken(table, path, value):
    out = copy.deepcopy(table)
    at = out
    for key in path[:-1]:
        at = at[key]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return out


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["format"], 2, "contract format 2, this version reads 1"),
        (["arms"], {}, "unknown key 'arms'; known: .*arm"),
        (["camera"], KeyError, "'camera' is missing"),
        (["camera", "widht"], 1, "camera: unknown key 'widht'; known: .*width"),
        (["camera", "width"], "320", r"camera.width: '320', need int"),
        (["camera", "crop"], [0, 100, 240, 240], r"crop \(0, 100, 240, 240\).*does not fit"),
        (["camera", "size"], [80], r"camera.size: 1 values \[80\], need 2"),
        (["camera", "name"], "side", "needs the topic 'side/image_raw'"),
        (["limits", "linear_m_s"], float("nan"), "limits.linear_m_s: nan, need float"),
        (["limits", "linear_m_s"], 0, "limits.linear_m_s: 0.0, need > 0"),
        (["limits", "workspace_low_m"], [0.3, 0.9, 0.0], "is not below"),
        (["arm", "joints"], "right_j0", "arm.joints: 'right_j0', need a list"),
        (["topics"], [], "topics: need a mapping"),
        (["topics", "estop"], 1, "topic estop: need a mapping of keys, got int"),
        (["topics", "estop", "type"], "std_msgs/Bool", "need package/msg/Name"),
        (["topics", "estop", "qos"], ["reliable", "latched", 1], "topic estop: qos: durability"),
        (["topics", "estop", "qos"], ["sure", "volatile", 1], "reliability 'sure'"),
        (["topics", "estop", "qos"], ["reliable", "volatile", 0], "depth 0"),
        (["topics", "estop", "qos"], "reliable", "need .reliability, durability, depth."),
        (["topics", "estop", "hz"], 1, "topic estop: unknown key 'hz'"),
    ],
)
def test_bad_tables_name_the_place(table, path, value, message):
    with pytest.raises(ContractError, match=message):
        Contract.from_dict(broken(table, path, value))


def test_bad_sources_are_named(tmp_path):
    with pytest.raises(ContractError, match=r"no contract for robot 'baxter'; there are .*sawyer"):
        Contract.load("baxter")
    with pytest.raises(ContractError, match=r"gone.yaml: cannot read the contract"):
        Contract.load(tmp_path / "gone.yaml")
    file = tmp_path / "bad.yaml"
    file.write_text("robot: [")
    with pytest.raises(ContractError, match=r"bad.yaml: not YAML"):
        Contract.load(file)
    file.write_text("just text")
    with pytest.raises(ContractError, match=r"bad.yaml: need a mapping of keys, got str"):
        Contract.load(file)
