#!/usr/bin/env bash
# Make .venv and install everything into it; `make setup` calls this when something it depends on changed.
#   PYTHON=python3.12   the interpreter to make the environment with (3.10 to 3.13)
#   TORCH=torch==2.9.0  what to install as torch (any >= 2.4), in place of a choice by the GPU found
#   NO_APT=1            install no system packages, only name the missing ones
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$PWD/.venv

say() { printf '\033[1m%s\033[0m\n' "setup: $*"; }

pick_python() {
  local name
  for name in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.10}; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$name" && return
    fi
  done
  echo "setup: no Python 3.10 to 3.13 with venv found (on Debian and Ubuntu: apt install python3-venv)" >&2
  return 1
}

have_library() { ldconfig -p 2>/dev/null | grep -q "$1"; }

# System packages, only where missing and only if this user may install them.
system_packages() {
  local missing=()
  have_library libEGL.so.1 || missing+=(libegl1)
  have_library libGL.so.1 || missing+=(libgl1)
  compgen -G '/usr/lib/*/dri/*swrast*' >/dev/null || compgen -G '/usr/lib/*/libEGL_nvidia.so*' >/dev/null \
    || missing+=(libgl1-mesa-dri)
  command -v c++ >/dev/null || missing+=(g++)
  command -v make >/dev/null || missing+=(make)
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  if [ -n "${NO_APT:-}" ] || ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    say "these system packages are missing and were not installed: ${missing[*]}"
    return 0
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { "${as_root[@]}" apt-get update -qq \
    && "${as_root[@]}" apt-get install -y -qq --no-upgrade --no-install-recommends "${missing[@]}"; } >/dev/null \
    || say "could not install ${missing[*]}; going on without"
}

have_gpu() { [ -e /dev/nvidiactl ] || { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }; }

# Without a GPU the CPU build is wanted (the default one on Linux brings gigabytes of CUDA): first from a local
# folder of wheels that pip is configured with, then by uv, which knows where CPU builds are; else the default.
install_torch() {
  "$venv/bin/python" -c 'import torch' 2>/dev/null && return
  if [ -n "${TORCH:-}" ]; then pip install "$TORCH"; return; fi
  if ! have_gpu; then
    pip install --no-index --no-deps 'torch>=2.4' 2>/dev/null && return
    pip install uv 2>/dev/null \
      && "$venv/bin/uv" pip install -q --python "$venv/bin/python" --torch-backend=cpu 'torch>=2.4' && return
    say "no CPU build of torch found; installing the default build"
  fi
  pip install 'torch>=2.4'
}

pip() { "$venv/bin/python" -m pip "$1" -qq --disable-pip-version-check "${@:2}"; }

# The packages that the interfaces build with, from their own pyproject.toml (no Python before 3.11 reads TOML).
build_requirements() {
  sed -n '/^requires = \[/,/^\]/s/^ *"\([^"]*\)",$/\1/p' ros_nodes/robot_meta_msgs/pyproject.toml
}

# What `ros2 run`, `ros2 launch` and the ament index look for: an editable install leaves data files out. Single
# files are linked, since `ros2 launch` does not look into linked folders.
link_share() {
  local share=$venv/share/robot_meta index=$venv/share/ament_index/resource_index/packages
  rm -rf "$share" "$venv/lib/robot_meta"
  mkdir -p "$share/launch" "$share/config" "$venv/lib/robot_meta" "$index"
  ln -s "$PWD/package.xml" "$share/"
  ln -s "$PWD"/launch/*.launch.py "$share/launch/"
  ln -s "$PWD"/ros_nodes/config/* "$share/config/"
  ln -s "$PWD"/scripts/* "$venv/lib/robot_meta/"
  cp resource/robot_meta "$index/robot_meta"
}

# A ROS environment's bootstrap and library path would be inherited by ours and break it.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH PYTHONPATH
export HOME=${HOME:-/}

system_packages
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(pick_python)
  say "making .venv with $python"
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi
say "installing torch"
install_torch
say "installing the libraries and the ROS 2 Jazzy wheels"
mapfile -t requires < <(build_requirements)
cmake --version 2>/dev/null | grep -qE 'version (3\.(19|2[0-9]|3[0-9])|4)' || requires+=("cmake>=3.19,<4")
command -v ninja >/dev/null || requires+=(ninja)
pip install "${requires[@]}" -e ".[ros,dev]"
say "building the messages"
PATH="$venv/bin:$PATH" pip install --no-build-isolation --no-deps --force-reinstall ./ros_nodes/robot_meta_msgs
link_share
say "done; see what works here with .venv/bin/robot-meta doctor"
