"""Parameters, the config they belong to and where they came from, in one safetensors file.

Never pickle: loading a file runs nothing. The file's `__metadata__` holds the format number, the
learner's name, its config as JSON, the hashes of the checkpoints it was made from, and a SHA-256
over all of that and every tensor, so that a cut, edited or mixed-up file is told from a good one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from robot_meta.config import as_dict
from robot_meta.errors import CheckpointError
from robot_meta.files import write_atomic
from robot_meta.types import Params

FORMAT = 1
MARK = "robot-meta checkpoint"
KINDS = ("theta", "phi", "train")

Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a file held, after every check passed."""

    params: Params
    config: dict[str, Any]
    learner: str
    kind: str
    """`theta` as meta-trained, `phi` adapted from a theta, `train` the state of a training run."""
    format: int
    sha256: str
    parents: tuple[str, ...] = ()
    """The `sha256` of each checkpoint this one was made from."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Free JSON: the command, steps done, validation figures."""


def digest(params: Params) -> str:
    """SHA-256 over names, types, shapes and bytes of all tensors, independent of their order."""
    sha = hashlib.sha256()
    for name in sorted(params):
        tensor = params[name].detach().cpu().contiguous()
        sha.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def save(
    path: str | os.PathLike[str],
    params: Params,
    config: Any,
    learner: str,
    *,
    kind: str = "theta",
    parents: Sequence[str] = (),
    notes: Mapping[str, Any] | None = None,
) -> str:
    """Write a checkpoint in one step and return its `sha256`.

    Args:
        path: where; an existing file is replaced only once the new one is complete.
        params: at least one tensor, all finite.
        config: the learner's config, a dataclass or a mapping of JSON values.
        learner: the name that `robot_meta.learners` knows it by.
        kind: one of `KINDS`.
        parents: the `sha256` of the checkpoints it was made from.
        notes: free JSON for people.

    Raises:
        CheckpointError: there is nothing to save, or a value is not finite.
    """
    if kind not in KINDS:
        raise CheckpointError(f"{path}: kind {kind!r}, expected one of {KINDS}")
    if not params:
        raise CheckpointError(f"{path}: no parameters to save")
    _refuse_not_finite(path, params)
    header = {
        "mark": MARK,
        "format": str(FORMAT),
        "kind": kind,
        "learner": learner,
        "config": json.dumps(as_dict(config), sort_keys=True, allow_nan=False),
        "parents": json.dumps(list(parents)),
        "notes": json.dumps(dict(notes or {}), sort_keys=True, allow_nan=False),
    }
    header["sha256"] = _sha(header, params)
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in params.items()}
    write_atomic(path, to_bytes(whole, metadata=header))
    return header["sha256"]


def load(path: str | os.PathLike[str], expected: Shapes | None = None) -> Checkpoint:
    """Read and check a checkpoint.

    Args:
        path: a file that `save` wrote.
        expected: the shape of every parameter, as the learner that its config describes has them.

    Raises:
        CheckpointError: no such file, not one of ours, another format, damaged, or other shapes.
    """
    header, params = _read(Path(path))
    if header.get("mark") != MARK:
        raise CheckpointError(
            f"{path}: a safetensors file, but not a {MARK} (its metadata has {sorted(header)}); "
            "make one with `robot-meta train`"
        )
    if header.get("format") != str(FORMAT):
        raise CheckpointError(
            f"{path}: format {header.get('format')}, this version reads {FORMAT}; "
            "train again, or install the version that wrote it"
        )
    found = _sha(header, params)
    if found != header.get("sha256"):
        raise CheckpointError(
            f"{path}: damaged: its content hashes to {found[:12]}, "
            f"its header says {str(header.get('sha256'))[:12]}; copy it again"
        )
    _refuse_not_finite(path, params)
    try:
        loaded = Checkpoint(
            params=params,
            config=json.loads(header["config"]),
            learner=header["learner"],
            kind=header["kind"],
            format=FORMAT,
            sha256=found,
            parents=tuple(json.loads(header["parents"])),
            notes=json.loads(header["notes"]),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: unreadable header: {error!r}") from error
    if expected is not None:
        check_shapes(path, params, expected)
    return loaded


def check_shapes(path: str | os.PathLike[str], params: Params, expected: Shapes) -> None:
    """Refuse parameters whose names or shapes are not exactly `expected` (CheckpointError)."""
    missing = sorted(set(expected) - set(params))
    extra = sorted(set(params) - set(expected))
    wrong = [
        f"{name} is {tuple(params[name].shape)}, expected {tuple(expected[name])}"
        for name in sorted(set(params) & set(expected))
        if tuple(params[name].shape) != tuple(expected[name])
    ]
    problems = [f"missing {missing}"] * bool(missing) + [f"unknown {extra}"] * bool(extra) + wrong
    if problems:
        raise CheckpointError(
            f"{path}: its tensors do not fit its config: {'; '.join(problems)}; "
            "it was made by another network, train again"
        )


def _read(path: Path) -> tuple[dict[str, str], Params]:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; give the path of a .safetensors checkpoint")
    try:
        with safe_open(path, framework="pt") as file:
            header = dict(file.metadata() or {})
            # Clones: the tensors must not stay tied to a file that may be replaced.
            params = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: not a whole safetensors file ({error}); expected one that "
            "`robot-meta train` wrote"
        ) from error
    return header, params


def _sha(header: Mapping[str, str], params: Params) -> str:
    told = {key: value for key, value in header.items() if key != "sha256"}
    sha = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    sha.update(digest(params).encode())
    return sha.hexdigest()


def _refuse_not_finite(path: str | os.PathLike[str], params: Params) -> None:
    bad = sorted(name for name, tensor in params.items() if not torch.isfinite(tensor).all())
    if bad:
        raise CheckpointError(f"{path}: values that are not finite in {bad}; use an earlier one")
