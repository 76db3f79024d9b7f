import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from robot_meta import commands
from robot_meta.errors import ConfigError
from robot_meta.results import read_result

ROOT = Path(__file__).parents[2]


def command(folder, *words):
    """Run `python -m robot_meta.commands words` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "robot_meta.commands", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_collect_train_and_evaluate_from_an_empty_folder(tmp_path):
    done = command(tmp_path, "collect", "place", "--tasks", "4", "--demos", "3")
    assert done.returncode == 0, done.stderr
    words = ("train", "mil", "place", "--steps", "4", "--batch", "2", "--workers", "2")
    done = command(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    theta = tmp_path / "runs" / "mil-place" / "theta.safetensors"
    assert theta.exists()
    words = ("eval", "mil", "place", "--trials", "3", "--shots", "1", "--checkpoint", str(theta))
    done = command(tmp_path, *words, "--json", "out.json")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "out.json")
    assert {"success", "success_wrong_demo", "chance"} <= set(result["metrics"])
    (line,) = (tmp_path / "results" / "test-log.jsonl").read_text().splitlines()
    assert json.loads(line)["checkpoint"] == result["config"]["checkpoint"]


def test_tables_check_fails_when_a_page_is_out_of_date(tmp_path):
    (tmp_path / "README.md").write_text("no tables\n")
    assert command(tmp_path, "tables", "--check").returncode == 0
    (tmp_path / "README.md").write_text("<!-- table:none -->\n<!-- /table -->\n")
    done = command(tmp_path, "tables", "--check")
    assert done.returncode == 1
    assert "none.json" in done.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"wander": True}, "--wander is for models"),
        ({"rest": 0.5}, "--rest, --lag-steps are for models"),
        ({"models": (Path("a"),), "true_planner": False}, "--no-true-planner is for first"),
    ],
)
def test_collecting_with_options_that_do_nothing_is_refused(options, why):
    with pytest.raises(ConfigError, match=why):
        commands.collect("half_cheetah", **options)
