import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robot_meta.logging import TensorBoard, progress
from robot_meta.loops import TrainConfig, meta_train
from tests.robot_meta.test_loops import Quadratic, draw


def steps(count):
    config = TrainConfig(steps=count, tasks=1)
    return meta_train(Quadratic(), {"p": torch.zeros(3)}, draw, config)


def test_figures_reach_tensorboard_under_their_step(tmp_path):
    with TensorBoard(tmp_path, every=2) as board:
        losses = {}
        for step in steps(6):
            board.log(step)
            losses[step.number] = step.loss
        board.scalars(6, {"success": 0.5}, "validation")
    read = EventAccumulator(str(tmp_path)).Reload()
    found = {event.step: event.value for event in read.Scalars("train/loss")}
    assert list(found) == [2, 4, 6]
    assert abs(found[4] - losses[4]) < 1e-3 * losses[4]
    assert read.Scalars("validation/success")[0].value == 0.5


def test_progress_passes_every_step_through_and_tells_the_last(capsys):
    assert [step.number for step in progress(steps(5), 5)] == [1, 2, 3, 4, 5]
    assert "step 5/5 loss" in capsys.readouterr().err
