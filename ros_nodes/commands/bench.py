"""`robot-meta bench NAME`: the table of benches."""

from __future__ import annotations

from ros_nodes.commands.bench_adapt import adapt
from ros_nodes.commands.bench_grbal import grbal
from ros_nodes.commands.bench_kill import main as kill
from ros_nodes.commands.bench_latency import latency
from ros_nodes.commands.bench_meta_step import meta_step
from ros_nodes.commands.bench_sim import sim_bench
from ros_nodes.commands.bench_train import train

bench = {
    "adapt": adapt,
    "grbal": grbal,
    "kill": kill,
    "latency": latency,
    "meta-step": meta_step,
    "sim": sim_bench,
    "train": train,
}
"""Names and what they run; tyro makes options of each one's arguments."""
