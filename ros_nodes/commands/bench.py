"""`robot-meta bench NAME`: the table of benches."""

from __future__ import annotations

from ros_nodes.commands.bench_kill import main as kill
from ros_nodes.commands.bench_latency import latency

bench = {"kill": kill, "latency": latency}
