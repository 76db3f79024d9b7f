import yaml

from ros_nodes.commands.faults import ls, rows
from sim.leg_faults import leg_fault


def test_lists_every_fault_with_parameters_that_the_service_takes(capsys):
    assert ls() == 0
    out = capsys.readouterr().out
    for name in ("crippled_leg", "camera_delay", "pier", "slope"):
        assert name in out
    for row in rows("legs"):
        parameters = yaml.safe_load("{" + row.parameters + "}")
        assert leg_fault(row.name, parameters) == leg_fault(row.name, {})
        assert row.what.endswith(".")


def test_lists_one_robots_alone():
    assert {row.robot for row in rows("sawyer")} == {"sawyer"}
