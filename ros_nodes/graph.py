"""The node graph as data: `launch/*.launch.py` and `robot-meta launch` both read it. No ROS here.

A `Graph` is arguments and nodes. `resolve(graph, values)` checks the values a user gave and returns
the processes to start, each with the exact `--ros-args` it is started with, so that both ways of
launching start the same thing.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from robot_meta.errors import ConfigError

Value = str | bool | int | float
_LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
_FAMILIES = ("reach", "push", "place", "pick_place")


@dataclass(frozen=True)
class Argument:
    """One `name:=value` of a launch command; its type is that of the default."""

    name: str
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    needs: str = ""
    """Another argument, which must be true where this one is given."""

    @property
    def default_text(self) -> str:
        """The default as it would be typed."""
        return _text(self.default)

    def parse(self, text: str) -> Value:
        """The typed value of `text`.

        Raises:
            ConfigError: not a value of this argument; the message says what is.
        """
        if self.choices and text not in self.choices:
            raise ConfigError(f"{self.name}:={text}; use one of {', '.join(self.choices)}")
        try:
            if isinstance(self.default, bool):
                return {"true": True, "false": False}[text.lower()]
            return type(self.default)(text)
        except (KeyError, ValueError):
            kind = {bool: "true or false", int: "a whole number", float: "a number"}
            wanted = kind.get(type(self.default), "text")
            raise ConfigError(f"{self.name}:={text}; expected {wanted}") from None


@dataclass(frozen=True)
class Ref:
    """A parameter's value that is the value of an argument."""

    argument: str


@dataclass(frozen=True)
class When:
    """Start a node only when an argument is one of `values` (as typed), or with `unless` is not."""

    argument: str
    values: tuple[str, ...]
    unless: bool = False


@dataclass(frozen=True)
class NodeSpec:
    """One node: `ros_nodes/<executable>_node.py`, installed as `lib/robot_meta/<executable>`."""

    executable: str
    parameters: Mapping[str, Value | Ref] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    when: tuple[When, ...] = ()
    required: bool = False
    """When it ends, everything ends."""
    name: str = ""
    """Of the node; that of the executable if not given."""

    @property
    def module(self) -> str:
        """The Python module with its `main`."""
        return f"ros_nodes.{self.executable}_node"


@dataclass(frozen=True)
class Graph:
    """What `launch/<name>.launch.py` and `robot-meta launch <name>` start."""

    name: str
    description: str
    arguments: tuple[Argument, ...]
    nodes: tuple[NodeSpec, ...]
    sim_time: bool = True
    """Nodes use simulated time, but with `real:=true`."""


@dataclass(frozen=True)
class Process:
    """One node to start, fully decided."""

    executable: str
    module: str
    namespace: str
    ros_args: tuple[str, ...]
    """What follows `--ros-args`, but for the node's name and namespace."""
    required: bool
    name: str = ""

    @property
    def arguments(self) -> list[str]:
        """The whole command line after the executable."""
        named = ["-r", f"__node:={self.name or self.executable}", "-r", f"__ns:=/{self.namespace}"]
        return ["--ros-args", *named, *self.ros_args]


def resolve(graph: Graph, given: Mapping[str, str]) -> list[Process]:
    """The processes of a graph for the arguments that a user typed.

    Raises:
        ConfigError: an unknown argument or a value out of its choices, with what exists.
    """
    known = {argument.name: argument for argument in graph.arguments}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            takes = f"{graph.name} takes {', '.join(known)}"
            raise ConfigError(f"unknown argument {name}:={given[name]}; {hint}{takes}")
    values = {n: a.parse(given[n]) if n in given else a.default for n, a in known.items()}
    for argument in graph.arguments:
        value = values[argument.name]
        if argument.needs and value != argument.default and not values[argument.needs]:
            raise ConfigError(
                f"{argument.name}:={_text(value)} needs {argument.needs}:=true; without it the "
                "simulator does that"
            )
    namespace = str(values["namespace"]).strip("/")
    sim_time = graph.sim_time and not values.get("real", False)
    common = _common_ros_args(values, namespace, sim_time)
    return [
        Process(
            executable=node.executable,
            module=node.module,
            namespace=namespace,
            ros_args=tuple(_parameter_args(node, values) + common),
            required=node.required,
            name=node.name,
        )
        for node in graph.nodes
        if all((_text(values[w.argument]) in w.values) != w.unless for w in node.when)
    ]


def _common_ros_args(values: Mapping[str, Value], namespace: str, sim_time: bool) -> list[str]:
    args = ["-p", f"use_sim_time:={_text(sim_time)}"]
    if namespace:  # each copy has its own time and frames
        for topic in ("clock", "tf", "tf_static"):
            args += ["-r", f"/{topic}:={topic}"]
    if values["params_file"]:
        args += ["--params-file", str(values["params_file"])]
    return [*args, "--log-level", str(values["log_level"])]


def _parameter_args(node: NodeSpec, values: Mapping[str, Value]) -> list[str]:
    args: list[str] = []
    for name, value in node.parameters.items():
        value = values[value.argument] if isinstance(value, Ref) else value
        # JSON is YAML: quotes keep a string a string, whatever it looks like.
        args += ["-p", f"{name}:={json.dumps(value)}"]
    for source, target in node.remappings:
        args += ["-r", f"{source}:={target}"]
    return args


def _text(value: Value) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


_COMMON = (
    Argument("namespace", "", "Namespace of every node; a second copy runs beside the first."),
    Argument("params_file", "", "YAML file of ROS parameters; it wins over the arguments here."),
    Argument("log_level", "info", "Least severe log shown.", _LOG_LEVELS),
    Argument("autostart", True, "Nodes configure and activate by themselves."),
)
_WORLD = (
    Argument("task", "place", "Task family in the world.", _FAMILIES),
    Argument("split", "test", "Set that the first task is from.", ("train", "val", "test")),
    Argument("index", 0, "Number of the first task in its set."),
    Argument("seed", 0, "Seed of the first arrangement."),
    Argument("rate", 1.0, "Simulated seconds a second; 0 with lockstep: as fast as it goes."),
    Argument("lockstep", False, "Simulated time waits for the gate: repeatable, but not at 1x."),
)
_LEGGED = ("half_cheetah", "ant", "go1")
_WALKERS = ("go1",)
_ROBOT = Argument("robot", "sawyer", "Which robot.", ("sawyer", *_LEGGED))
_LEGS = (
    Argument("terrain", "flat", "What a legged robot walks on.", ("flat", "pier")),
    Argument("fault", "", "Fault of a legged robot at the start; see `robot-meta faults ls`."),
)
_ONLINE = Argument("online", "step", "When a legged robot adapts.", ("off", "step", "episode"))
_ON_LEGS, _ON_ARM = When("robot", _LEGGED), When("robot", ("sawyer",))
_REAL = Argument("real", False, "A real robot is behind the controllers: start no simulator.")
_EPISODES = Argument("episodes", "episodes", "Folder that episodes are written to.")
_CHECKPOINT = Argument("checkpoint", "", "Checkpoint (.safetensors) of the policy.")
_SOURCE = "device, video file or URL"
_CALIBRATION = Argument("calibration", "", "Calibration file of the camera (YAML).")
_EYE = (
    Argument("camera", "", f"Camera of a real robot: {_SOURCE}; empty: others.", needs="real"),
    replace(_CALIBRATION, needs="real"),
)
_FILM = (
    Argument("source", "/dev/video0", f"The camera: {_SOURCE}."),
    _CALIBRATION,
    Argument("crop", "", "x,y,width,height that policies see, pixels; empty: the middle."),
    Argument("at_end", "stop", "What is done at the end of a file.", ("stop", "loop", "hold")),
)

_AUTOSTART = {"autostart": Ref("autostart")}
_LOCKSTEP = {"lockstep": Ref("lockstep")}
_SIM = NodeSpec(
    "sim",
    _AUTOSTART | {argument.name: Ref(argument.name) for argument in _WORLD},
    required=True,
)
_GATE = NodeSpec("command_gate", _AUTOSTART | _LOCKSTEP, required=True)
_RECORDER = NodeSpec("recorder", _AUTOSTART | {"directory": Ref("episodes")})
_CAMERA = NodeSpec(
    "camera",
    _AUTOSTART | {argument.name: Ref(argument.name) for argument in _FILM},
    required=True,
)
_ROBOT_CAMERA = NodeSpec(
    "camera",
    _AUTOSTART | {"source": Ref("camera"), "calibration": Ref("calibration")},
    when=(When("camera", ("",), unless=True),),
)
_POLICY = NodeSpec(
    "policy", _AUTOSTART | {"checkpoint": Ref("checkpoint"), "episodes": Ref("episodes")}
)


_LEG_SIM = NodeSpec(
    "leg_sim",
    _AUTOSTART | {name: Ref(name) for name in ("robot", "terrain", "fault", "seed", "rate")},
    when=(_ON_LEGS,),
    required=True,
    name="sim",
)
_LEG_GATE = NodeSpec(
    "leg_gate",
    _AUTOSTART | {"robot": Ref("robot")},
    when=(_ON_LEGS,),
    required=True,
    name="command_gate",
)
_LEG_POLICY = NodeSpec(
    "leg_policy",
    _AUTOSTART | {name: Ref(name) for name in ("robot", "checkpoint", "online")},
    when=(_ON_LEGS, When("robot", _WALKERS, unless=True)),
    name="policy",
)
_WALK_POLICY = replace(_LEG_POLICY, executable="walk_policy", when=(When("robot", _WALKERS),))


def _of_arm(*nodes: NodeSpec) -> tuple[NodeSpec, ...]:
    """Nodes that only a graph of the arm has."""
    return tuple(replace(node, when=(*node.when, _ON_ARM)) for node in nodes)


def _or_real(sim: NodeSpec, gate: NodeSpec) -> tuple[NodeSpec, NodeSpec]:
    """The simulator only without a real robot, and a gate that knows which it is."""
    simulated = replace(sim, when=(When("real", ("false",)),))
    return simulated, replace(gate, parameters={**gate.parameters, "real": Ref("real")})


def _teleop(default: str) -> tuple[Argument, NodeSpec]:
    sources = ("none", "scripted", "keyboard", "joy")
    node = NodeSpec(
        "teleop",
        _AUTOSTART | {"device": Ref("teleop"), "tty": "/dev/tty"},
        when=(When("teleop", sources[1:]),),
    )
    return Argument(
        "teleop", default, "What a person (or the scripted expert) moves the arm with.", sources
    ), node


_TELEOP_OFF, _TELEOP = _teleop("none")
_TELEOP_SCRIPTED, _ = _teleop("scripted")

SIM = Graph(
    "sim",
    "A simulated robot behind its command gate",
    (*_COMMON, _ROBOT, *_WORLD, *_LEGS, _TELEOP_OFF),
    (*_of_arm(_SIM, _GATE, _TELEOP), _LEG_SIM, _LEG_GATE),
)
RECORD = Graph(
    "record",
    "A robot, somebody who moves it, and the recorder of episodes",
    (*_COMMON, *_WORLD, _REAL, *_EYE, _TELEOP_SCRIPTED, _EPISODES),
    (*_or_real(_SIM, _GATE), _ROBOT_CAMERA, _TELEOP, _RECORDER),
)
DEPLOY = Graph(
    "deploy",
    "A robot, the recorder, and a policy that adapts to an episode and acts",
    (
        *(*_COMMON, _ROBOT, *_WORLD, *_LEGS, _ONLINE),
        *(_REAL, *_EYE, _TELEOP_OFF, _EPISODES, _CHECKPOINT),
    ),
    (
        *_of_arm(*_or_real(_SIM, _GATE), _ROBOT_CAMERA, _TELEOP, _RECORDER, _POLICY),
        *(_LEG_SIM, _LEG_GATE, _LEG_POLICY, _WALK_POLICY),
    ),
)
CAMERA = Graph(
    "camera",
    "A camera or a video file, and the recorder: no robot is needed to film a person",
    (*_COMMON, *_FILM, _EPISODES),
    (_CAMERA, _RECORDER),
    sim_time=False,
)
GRAPHS = {graph.name: graph for graph in (SIM, RECORD, DEPLOY, CAMERA)}
