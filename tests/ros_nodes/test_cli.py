"""The `robot-meta` command: what it lists, what it refuses, how it ends."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from robot_meta.errors import DemoFormatError
from ros_nodes import cli


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from ros_nodes.cli import main; sys.exit(main())",
            *words,
        ],
        capture_output=True,
        text=True,
    )


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A command `try` whose function is written by the test."""

    def install(source: str, name: str = "attempt") -> None:
        (tmp_path / "tried_module.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "tried_module", raising=False)
        importlib.invalidate_caches()
        command = cli.Command(f"tried_module:{name}", "tried here")
        monkeypatch.setattr(cli, "GROUPS", {"Tests": {"try": command}})

    return install


def test_help_lists_each_command_that_is_there():
    done = run("--help")
    assert done.returncode == 0
    for name in cli.commands():
        assert f"  {name} " in done.stdout
    assert {"doctor", "launch"} <= set(cli.commands())


def test_no_words_is_a_mistake():
    assert run().returncode == 2


def test_an_unknown_command_is_named_with_what_there_is():
    done = run("dcotor")
    assert done.returncode == 2
    assert "'dcotor'; did you mean doctor?" in done.stderr
    assert "launch" in done.stderr


def test_a_command_without_its_function_is_not_listed(installed, capsys):
    installed("def other(): ...\n")
    assert cli.main(["--help"]) == 0
    assert "try" not in capsys.readouterr().out.split()
    assert not cli.Command("no_such_package.module:f", "").exists()


def test_options_come_from_the_functions_arguments(installed, capsys):
    installed("def attempt(size: int = 3) -> int:\n    print('size', size)\n    return 4\n")
    assert cli.main(["try", "--size", "5"]) == 4
    assert "size 5" in capsys.readouterr().out


def test_a_dict_of_functions_is_subcommands(installed, capsys):
    installed("def ls() -> None:\n    print('listed')\nattempt = {'ls': ls, 'show': ls}\n")
    assert cli.main(["try", "ls"]) == 0
    assert "listed" in capsys.readouterr().out


def test_an_error_of_ours_is_one_line(installed, capsys):
    installed(
        "from robot_meta.errors import DemoFormatError\n"
        "def attempt():\n    raise DemoFormatError('a.mcap: format 9, this reads 1')\n"
    )
    assert cli.main(["try"]) == 1
    assert capsys.readouterr().err == "robot-meta try: a.mcap: format 9, this reads 1\n"
    assert issubclass(DemoFormatError, cli.RobotMetaError)


def test_doctor_tells_what_works(tmp_path):
    done = run("doctor", "--json", str(tmp_path / "doctor.json"))
    findings = {f["check"]: f for f in json.loads((tmp_path / "doctor.json").read_text())}
    assert findings["python"]["state"] == "ok"
    assert findings["torch"]["state"] == "ok"
    missing = [name for name, f in findings.items() if f["state"] == "missing"]
    assert done.returncode == bool(missing)
    if importlib.util.find_spec("rclpy"):
        assert "VGA image" in findings["ros"]["found"]


def test_doctor_says_how_to_mend(monkeypatch):
    from ros_nodes import doctor

    monkeypatch.setattr(doctor.sys, "executable", "/bin/false")
    finding = doctor.check_rendering()
    assert finding.state == doctor.MISSING
    assert "libegl1" in finding.mend
