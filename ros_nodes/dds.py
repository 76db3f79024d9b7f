"""Fast DDS profile and discovery range, set in the environment before rclpy starts. Imports no ROS.

The defaults of Fast DDS lose most VGA images and often take three seconds to find a peer; the
profiles in `config/` mend both (their comments say how).
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

NETWORK_VARIABLE = "ROBOT_META_NETWORK"
# Jazzy's Fast DDS 2.14 reads only the first name, Kilted's 3.x prefers the second.
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
DISCOVERY_VARIABLE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
NETWORKS = {"local": ("fastdds.xml", "LOCALHOST"), "open": ("fastdds_open.xml", "SUBNET")}


def profile_path(network: str = "local") -> Path:
    """Path of the shipped profile: "local" (this host only) or "open" (every interface).

    Raises:
        ValueError: `network` is neither.
    """
    if network not in NETWORKS:
        raise ValueError(f"{NETWORK_VARIABLE}={network!r}; use one of {', '.join(NETWORKS)}")
    return Path(__file__).parent / "config" / NETWORKS[network][0]


def environment(environ: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """The variables a ROS process should have; what is already set there is kept."""
    environ = os.environ if environ is None else environ
    network = environ.get(NETWORK_VARIABLE, "local")
    wanted = dict.fromkeys(PROFILE_VARIABLES, str(profile_path(network)))
    wanted[DISCOVERY_VARIABLE] = NETWORKS[network][1]
    if any(name in environ for name in PROFILE_VARIABLES):  # a profile of the user's own wins
        for name in PROFILE_VARIABLES:
            wanted.pop(name)
    return {name: value for name, value in wanted.items() if name not in environ}


def ensure_profile(environ: MutableMapping[str, str] | None = None) -> None:
    """Set the profile and the discovery range where the user has not, before `rclpy.init`."""
    environ = os.environ if environ is None else environ
    environ.update(environment(environ))
