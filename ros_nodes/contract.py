"""One table a robot: topics, types, QoS, rates, ages, joints, camera, limits. Imports no ROS.

`Contract.load("sawyer")` reads the table that ships with the package, and
`Contract.load("my/robot.yaml")` any other. Unknown keys, wrong types and impossible values are
refused when it is loaded, with the place and what would do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from robot_meta.errors import ContractError

if TYPE_CHECKING:
    from sim.camera import ImageSpec

FORMAT = 1
RELIABILITY = ("reliable", "best_effort")
DURABILITY = ("volatile", "transient_local")


@dataclass(frozen=True)
class Qos:
    """What the publisher of a topic offers."""

    reliability: str
    durability: str
    depth: int

    def __post_init__(self) -> None:
        """Refuse unknown policies."""
        if self.reliability not in RELIABILITY:
            raise ContractError(f"reliability {self.reliability!r}, need one of {RELIABILITY}")
        if self.durability not in DURABILITY:
            raise ContractError(f"durability {self.durability!r}, need one of {DURABILITY}")
        if isinstance(self.depth, bool) or not isinstance(self.depth, int) or self.depth < 1:
            raise ContractError(f"depth {self.depth!r}, need a whole number >= 1")


@dataclass(frozen=True)
class Topic:
    """One stream between nodes; `name` is relative unless it begins with '/'."""

    name: str
    type: str
    qos: Qos
    rate_hz: float = 0.0
    """0: sent when there is something to say."""
    max_age_s: float = 0.0
    """Older messages are not acted on; 0: never too old."""
    frame_ids: tuple[str, ...] = ()
    """The `header.frame_id`s that are accepted; empty: any."""
    required: bool = False
    """An episode without it is reported by the recorder."""
    record: bool = True

    @property
    def max_age_ns(self) -> int:
        """`max_age_s` in nanoseconds."""
        return round(self.max_age_s * 1e9)


@dataclass(frozen=True)
class Frames:
    """Names of the robot's frames."""

    base: str
    hand: str
    tip: str


@dataclass(frozen=True)
class Arm:
    """Joint names in model order."""

    joints: tuple[str, ...]
    gripper_joints: tuple[str, ...] = ()
    gripper_max_m: float = 0.0
    """Largest opening in metres: the sum of the gripper joints."""


@dataclass(frozen=True)
class Camera:
    """The camera that policies look through, and what they see of its image."""

    name: str
    width: int
    height: int
    encoding: str
    frame_id: str
    crop: tuple[int, int, int, int]
    """y0, x0, height, width in pixels of the raw image."""
    size: tuple[int, int]
    """Height and width of what a policy sees."""

    def __post_init__(self) -> None:
        """Refuse a crop outside the image."""
        y, x, h, w = self.crop
        if min(y, x) < 0 or min(h, w, *self.size) < 1 or y + h > self.height or x + w > self.width:
            raise ContractError(
                f"camera {self.name}: crop {self.crop} (y0, x0, height, width) to size {self.size} "
                f"does not fit an image of {self.height} rows x {self.width} columns"
            )

    @property
    def image_topic(self) -> str:
        """Topic of the raw image."""
        return f"{self.name}/image_raw"

    @property
    def info_topic(self) -> str:
        """Topic of the intrinsics."""
        return f"{self.name}/camera_info"

    @property
    def spec(self) -> ImageSpec:
        """The crop and resize as `sim.camera.ImageSpec`, the same object as in the environments."""
        from sim.camera import ImageSpec  # here: a contract is also read where nothing renders

        return ImageSpec((self.height, self.width), self.crop, self.size)


@dataclass(frozen=True)
class Limits:
    """Bounds on what the gate lets through."""

    linear_m_s: float
    angular_rad_s: float
    joint_velocity_share: float
    workspace_low_m: tuple[float, float, float]
    workspace_high_m: tuple[float, float, float]

    def __post_init__(self) -> None:
        """Refuse an empty workspace and speeds that are not above zero."""
        for name in ("linear_m_s", "angular_rad_s", "joint_velocity_share"):
            if not getattr(self, name) > 0:
                raise ContractError(f"limits.{name}: {getattr(self, name)}, need > 0")
        if any(not a < b for a, b in zip(self.workspace_low_m, self.workspace_high_m, strict=True)):
            raise ContractError(
                f"workspace_low_m {self.workspace_low_m} is not below "
                f"workspace_high_m {self.workspace_high_m}"
            )


@dataclass(frozen=True)
class Contract:
    """What the nodes of one robot agree on."""

    robot: str
    frames: Frames
    arm: Arm
    camera: Camera
    limits: Limits
    topics: tuple[Topic, ...]
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse a camera whose topics are not in the table."""
        for name in (self.camera.image_topic, self.camera.info_topic):
            if name not in {t.name for t in self.topics}:
                raise ContractError(
                    f"camera {self.camera.name!r} needs the topic {name!r}; add it to `topics`"
                )

    @staticmethod
    def load(source: str | Path) -> Contract:
        """Read a contract by robot name, or from a YAML file.

        Raises:
            ContractError: no such robot or file, or a table that does not make sense.
        """
        text, where = _read(source)
        try:
            table = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ContractError(f"{where}: not YAML: {error}") from error
        try:
            return Contract.from_dict(table)
        except ContractError as error:
            raise ContractError(f"{where}: {error}") from error

    @staticmethod
    def from_dict(table: Any) -> Contract:
        """Build a contract from plain data, as `to_dict` gives it."""
        if not isinstance(table, Mapping):
            raise ContractError(f"need a mapping of keys, got {type(table).__name__}")
        if table.get("format") != FORMAT:
            raise ContractError(
                f"contract format {table.get('format')!r}, this version reads {FORMAT}"
            )
        _check_keys(Contract, table, "contract")
        topics = table["topics"]
        if not isinstance(topics, Mapping):
            raise ContractError(
                f"topics: need a mapping of names to topics, got {type(topics).__name__}"
            )
        return Contract(
            robot=str(table["robot"]),
            frames=_build(Frames, table["frames"], "frames"),
            arm=_build(Arm, table["arm"], "arm"),
            camera=_build(Camera, table["camera"], "camera"),
            limits=_build(Limits, table["limits"], "limits"),
            topics=tuple(_topic(name, entry) for name, entry in topics.items()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what the YAML holds, in full."""
        table = dataclasses.asdict(self)
        table["topics"] = {}
        for topic in self.topics:
            entry = dataclasses.asdict(topic)
            entry["qos"] = [topic.qos.reliability, topic.qos.durability, topic.qos.depth]
            table["topics"][entry.pop("name")] = entry
        return dict(json.loads(json.dumps(table)))

    def for_images(self, image_shape: tuple[int, int, int]) -> Contract:
        """The same robot, for a policy that sees the crop as pictures (h, w, 3) of another size.

        Raises:
            ContractError: the crop has not so many pixels, or another shape.
        """
        (h, w, _), (_, _, rows, columns) = image_shape, self.camera.crop
        if h * columns != w * rows or h > rows:
            raise ContractError(
                f"a policy for images {tuple(image_shape)}, robot {self.robot} gives crops of "
                f"{rows} x {columns} pixels; change the contract's crop, or train on images of "
                "that shape and at most that size"
            )
        return dataclasses.replace(self, camera=dataclasses.replace(self.camera, size=(h, w)))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON: equal hashes mean equal contracts."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def topic(self, name: str) -> Topic:
        """The topic of this name.

        Raises:
            ContractError: the contract has none of this name; the message lists what it has.
        """
        for topic in self.topics:
            if topic.name == name:
                return topic
        names = ", ".join(t.name for t in self.topics)
        raise ContractError(f"robot {self.robot} has no topic {name!r}; it has: {names}")

    @property
    def recorded(self) -> tuple[Topic, ...]:
        """The topics that go into a bag."""
        return tuple(t for t in self.topics if t.record)


def robots() -> tuple[str, ...]:
    """Names of the robots whose contracts ship with the package."""
    folder = resources.files("ros_nodes") / "contracts"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")))


def _read(source: str | Path) -> tuple[str, str]:
    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ContractError(f"{path}: cannot read the contract: {error}") from error
    if str(source) not in robots():
        raise ContractError(
            f"no contract for robot {str(source)!r}; there are {', '.join(robots())}, "
            "or give a .yaml file"
        )
    file = resources.files("ros_nodes") / "contracts" / f"{source}.yaml"
    return file.read_text(encoding="utf-8"), f"contract of {source}"


def _check_keys(cls: type, entry: Mapping[str, Any], where: str) -> None:
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = sorted(set(map(str, entry)) - set(fields))
    if unknown:
        raise ContractError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(fields)}")
    missing = [n for n, f in fields.items() if f.default is dataclasses.MISSING and n not in entry]
    if missing:
        raise ContractError(f"{where}: {missing[0]!r} is missing")


def _topic(name: Any, entry: Any) -> Topic:
    where = f"topic {name}"
    if not isinstance(entry, Mapping):
        raise ContractError(f"{where}: need a mapping of keys, got {type(entry).__name__}")
    qos = entry.get("qos")
    if not isinstance(qos, list) or len(qos) != 3:
        raise ContractError(f"{where}: qos {qos!r}, need [reliability, durability, depth]")
    if str(entry.get("type")).count("/msg/") != 1:
        raise ContractError(f"{where}: type {entry.get('type')!r}, need package/msg/Name")
    try:
        offer = Qos(*qos)
    except ContractError as error:
        raise ContractError(f"{where}: qos: {error}") from error
    topic: Topic = _build(Topic, {**entry, "name": str(name), "qos": offer}, where)
    return topic


def _build(cls: type[Any], entry: Any, where: str) -> Any:
    """A record from a mapping: keys checked, values of the fields' types, lists as tuples."""
    if not isinstance(entry, Mapping):
        raise ContractError(f"{where}: need a mapping of keys, got {type(entry).__name__}")
    _check_keys(cls, entry, where)
    types = {f.name: str(f.type) for f in dataclasses.fields(cls)}
    return cls(**{k: _value(types[k], v, f"{where}.{k}") for k, v in entry.items()})


def _value(kind: str, value: Any, where: str) -> Any:
    if kind.startswith("tuple"):
        items = kind[len("tuple[") : -1].split(", ")
        if not isinstance(value, list | tuple):
            raise ContractError(f"{where}: {value!r}, need a list")
        if items[-1] == "...":
            items = items[:1] * len(value)
        if len(items) != len(value):
            raise ContractError(f"{where}: {len(value)} values {value!r}, need {len(items)}")
        return tuple(_value(i, v, where) for i, v in zip(items, value, strict=True))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "float" and number and value == value and abs(value) != float("inf"):
        return float(value)
    fits = {
        "int": number and isinstance(value, int),
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
        "Qos": isinstance(value, Qos),
    }
    if fits.get(kind, False):
        return value
    raise ContractError(f"{where}: {value!r}, need {kind}")
