import numpy as np
import pytest

from robot_meta.errors import DemoFormatError, ObservationError
from ros_nodes.labels import Applied, label, read_applied
from tests.ros_nodes.recordings import IMAGE_STEP, MS, START_NS, applied

IMAGES = [START_NS + i * IMAGE_STEP for i in range(4)]
MEASURED = [0.07, 0.06, 0.05, 0.04]


def ticks(delay_ns=0, images=IMAGES):
    """Five ticks for each image, each with the speed of its image's number, some time later."""
    return [
        Applied(ns + delay_ns + k * 20 * MS, ns, np.array([0.1 * i, 0, 0, 0.08 if i < 2 else 0.0]))
        for i, ns in enumerate(images)
        for k in range(5)
    ]


@pytest.mark.parametrize("delay_ms", [0, 20, 40, 130])
def test_labels_do_not_depend_on_the_delay(delay_ms):
    kept, actions = label(IMAGES, MEASURED, ticks(delay_ms * MS))
    assert kept == slice(0, 4)
    np.testing.assert_allclose(actions[:, 0], [0.0, 0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(actions[:, 3], [0.08, 0.08, 0.0, 0.0])
    assert actions.dtype == np.float32


def test_a_span_is_the_mean_of_its_twists_and_its_last_opening():
    commands = [
        Applied(START_NS + 20 * MS, START_NS, np.array([0.1, 0, 0, 0.08])),
        Applied(START_NS + 70 * MS, START_NS + 50 * MS, np.array([0.3, 0, 0, 0.02])),
    ]
    _, actions = label(IMAGES[:1], MEASURED[:1], commands)
    np.testing.assert_allclose(actions, [[0.2, 0, 0, 0.02]], rtol=1e-6)


def test_a_tick_told_twice_counts_once():
    once = label(IMAGES, MEASURED, ticks())[1]
    first = ticks()[0]
    waiting = first._replace(proposal_ns=0, action=np.full(4, np.nan))
    moved = ticks()[3]._replace(stamp_ns=first.stamp_ns)
    for told in ([waiting, *ticks()], [moved, *ticks(), ticks()[3], ticks()[3]]):
        np.testing.assert_array_equal(label(IMAGES, MEASURED, told)[1], once)


def test_undriven_ends_are_left_out():
    idle = [Applied(ns, 0, np.zeros(4)) for ns in IMAGES]
    kept, actions = label(IMAGES, MEASURED, [*idle, *ticks(images=IMAGES[1:3])])
    assert kept == slice(1, 3)
    assert len(actions) == 2


def test_ticks_count_where_no_proposal_fits():
    late = [t if t.proposal_ns != IMAGES[1] else t._replace(proposal_ns=IMAGES[0]) for t in ticks()]
    kept, actions = label(IMAGES, MEASURED, late)
    assert kept == slice(0, 4)
    assert actions[1, 0] == pytest.approx(0.1)


def test_a_moment_of_holding_is_a_label_too():
    held = [
        Applied(t.stamp_ns, 0, np.array([0, 0, 0, np.nan])) if t.proposal_ns == IMAGES[2] else t
        for t in ticks()
    ]
    kept, actions = label(IMAGES, MEASURED, held)
    assert kept == slice(0, 4)
    np.testing.assert_allclose(actions[2], [0, 0, 0, 0.08])


def test_a_hole_is_named():
    with pytest.raises(DemoFormatError, match=r"after 1 images in the middle.*first at 5.200 s"):
        label(IMAGES, MEASURED, [t for t in ticks() if t.proposal_ns != IMAGES[2]])


def test_no_command_is_named():
    with pytest.raises(DemoFormatError, match="1 messages on command_gate/applied and none of"):
        label(IMAGES, MEASURED, [Applied(START_NS, 0, np.zeros(4))])
    with pytest.raises(DemoFormatError, match="none of 4 images is followed by a command"):
        label(IMAGES, MEASURED, [Applied(1, 1, np.zeros(4))])


def test_the_opening_is_the_last_one_sent_or_the_measured_one():
    commands = [t._replace(action=np.array([0, 0, 0, np.nan])) for t in ticks()]
    commands[12] = commands[12]._replace(action=np.array([0, 0, 0, 0.03]))
    _, actions = label(IMAGES, MEASURED, commands)
    np.testing.assert_allclose(actions[:, 3], [0.07, 0.06, 0.03, 0.03], rtol=1e-6)


def test_applied_is_decoded_and_checked():
    msg = applied(30 * MS, 10 * MS, [1, 2, 3, 4, 5, 6], 0.05)
    tick = read_applied(msg)
    assert (tick.stamp_ns, tick.proposal_ns) == (30 * MS, 10 * MS)
    assert tick.action.tolist() == [1, 2, 3, 0.05]
    with pytest.raises(ObservationError, match="need six finite values"):
        read_applied(applied(1, 1, [np.nan] * 6))
    with pytest.raises(ObservationError, match="gripper inf m"):
        read_applied(applied(1, 1, [0] * 6, np.inf))
    assert np.isnan(read_applied(applied(1, 0, [0] * 6, np.nan)).action[3])
