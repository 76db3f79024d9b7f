"""The cameras of this machine, by name. Opens none of them, and imports nothing heavy."""

from __future__ import annotations

from pathlib import Path


def cameras(root: Path = Path("/sys/class/video4linux")) -> list[tuple[str, str]]:
    """The cameras of this machine: device path and product name."""
    found = []
    for folder in sorted(root.glob("video*"), key=lambda p: (len(p.name), p.name)):
        try:
            index = (folder / "index").read_text().strip()
            name = (folder / "name").read_text().strip()
        except OSError:
            continue
        if index == "0":  # the others are the same camera's data about its pictures
            found.append((f"/dev/{folder.name}", name))
    return found
