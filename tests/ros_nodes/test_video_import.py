"""From a video file to an episode that a learner adapts on."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from robot_meta import learners
from robot_meta.data import phone
from robot_meta.errors import ConfigError, DataError, DemoFormatError
from robot_meta.session import Session
from ros_nodes.bag import Bag, read_demo
from ros_nodes.cli import main
from ros_nodes.store import Store, lint
from ros_nodes.video_file import VideoFile
from ros_nodes.video_import import Cut, import_video
from sim.film import WHOLE_PICTURE, film, film_stream
from sim.tasks import draw_task
from tests.ros_nodes.recordings import CONTRACT
from tests.ros_nodes.videos import level, moving, ramp, write

ALL = Cut(start_s=0.0, end_s=float("inf"))
SHOWN = CONTRACT.camera.spec


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "episodes")


@pytest.fixture
def take(store):
    """Import a file and read it back: what was said of it, and the demo."""

    def take(path, cut=ALL, **words):
        done = import_video(path, store, CONTRACT, cut, **words)
        return done, read_demo(done.folder, CONTRACT)

    return take


def test_a_demo_has_the_pictures_of_the_file_and_their_times(take, tmp_path):
    path = write(tmp_path / "v.mp4", moving([(0.0, 2.0)], 2.0))
    done, demo = take(path, task="place it")
    assert (demo.kind, demo.actions, demo.task) == ("human", None, "place it")
    with VideoFile(path) as file:
        began = file.created_ns
        expected = [(began + p.time_ns, SHOWN.apply(p.rgb())) for p in file.pictures()]
    assert demo.stamp_ns.tolist() == [stamp for stamp, _ in expected]
    assert np.array_equal(demo.rgb, np.stack([rgb for _, rgb in expected]))
    assert (done.pictures, done.hz) == (20, 10.0)


def test_what_no_camera_tells_is_nan(take, tmp_path):
    _, demo = take(write(tmp_path / "v.mp4", ramp(5)))
    assert np.isnan(demo.q_rad).all()
    assert np.isnan(demo.ee_pos_m).all()
    assert np.isnan(demo.gripper_m).all()


def test_the_episode_is_as_a_recorder_writes_it(take, store, tmp_path):
    done, _ = take(write(tmp_path / "my phone.mp4", ramp(5)))
    assert list(lint(done.folder)) == []
    bag = Bag.open(done.folder)
    assert bag.counts == {"/front/image_raw": 5, "/front/camera_info": 5}
    assert bag.info.kind == "human"
    assert bag.info.termination_reason == "imported from my phone.mp4, 0.0 to 0.4 s"
    assert bag.contract == CONTRACT.to_dict()
    for _, _, info in bag.decoded(["/front/camera_info"]):
        assert (info.width, info.height, info.k[0]) == (320, 240, 0.0)
    assert [e.info.kind for e in store.episodes()] == ["human"]
    # Readers of other people's making open it too.
    highlevel = pytest.importorskip("rosbags.highlevel")
    with highlevel.AnyReader([done.folder]) as reader:
        assert reader.message_count == 10


def test_motion_decides_what_is_kept(take, tmp_path):
    path = write(tmp_path / "v.mp4", moving([(2.0, 4.0)], 6.0))
    done, demo = take(path, Cut())
    assert 1.3 <= done.start_s <= 2.0
    assert 4.0 <= done.end_s <= 4.6
    assert len(demo) == done.pictures == round(10 * (done.end_s - done.start_s)) + 1
    early, _ = take(path, Cut(start_s=0.0))
    assert (early.start_s, early.end_s) == (0.0, done.end_s)
    late, _ = take(path, Cut(end_s=5.5))
    assert (late.start_s, late.end_s) == (done.start_s, 5.5)


def test_times_of_the_file_decide_and_not_its_frames(take, tmp_path):
    path = write(tmp_path / "v.mp4", ramp(4), [0.0, 0.3, 0.32, 0.5])
    _, demo = take(path)
    assert [level(p) for p in demo.rgb] == [0, 0, 0, 1, 2, 3]
    assert np.diff(demo.stamp_ns).tolist() == [100_000_000] * 5


def test_another_rate(take, tmp_path):
    done, demo = take(write(tmp_path / "v.mp4", ramp(9)), Cut(hz=5.0, start_s=0.2, end_s=0.7))
    assert [level(p) for p in demo.rgb] == [2, 4, 6]
    assert (done.start_s, done.end_s) == pytest.approx((0.2, 0.6))


def test_a_crop_is_what_the_learner_sees(take, tmp_path):
    pictures = [np.full((240, 320, 3), 40, np.uint8) for _ in range(3)]
    for picture in pictures:
        picture[60:180, 200:320] = 200
    _, demo = take(write(tmp_path / "v.mp4", pictures), Cut((200, 60, 120, 120), 0, 0.0, 9.0))
    assert (demo.rgb > 150).all()


def test_a_preview_shows_what_was_kept(take, tmp_path):
    done, demo = take(write(tmp_path / "v.mp4", moving([(1.0, 3.0)], 4.0)), Cut())
    assert done.preview == done.folder / "preview.png"
    picture = cv2.cvtColor(cv2.imread(str(done.preview)), cv2.COLOR_BGR2RGB)
    side = picture.shape[1] // 10
    first = cv2.resize(demo.rgb[0], (side, side))
    # But for the time that is written below.
    assert np.array_equal(picture[: side - 24, :side], first[: side - 24])


@pytest.mark.parametrize("suffix", ["grey", "ten_bit", "upright", "odd"])
def test_oddities_are_imported(take, tmp_path, suffix):
    options = {
        "grey": {"codec": "ffv1", "pix_fmt": "gray"},
        "ten_bit": {"codec": "ffv1", "pix_fmt": "yuv420p10le"},
        "upright": {"rotation": -90},
        "odd": {"codec": "ffv1", "pix_fmt": "yuv444p"},
    }[suffix]
    size = (101, 77) if suffix == "odd" else (96, 64)
    name = "v.mp4" if suffix == "upright" else "v.mkv"
    done, demo = take(write(tmp_path / name, ramp(4, *size), **options))
    assert demo.rgb.shape == (4, 80, 80, 3)
    assert [level(p[30:50, 30:50]) for p in demo.rgb] == [0, 1, 2, 3]
    assert done.notes == ()


@pytest.mark.parametrize(
    ("pictures", "cut", "error", "message"),
    [
        (ramp(1), ALL, DemoFormatError, "1 pictures from 0 s on at 10 Hz; a demonstration is a"),
        (ramp(9), Cut(start_s=5.0), DemoFormatError, "0 pictures from 5 s on.*earlier --start"),
        (ramp(9), Cut(start_s=2.0, end_s=1.0), DemoFormatError, "from 2 s to 1 s .* is nothing"),
        (ramp(9), Cut(), DemoFormatError, "nothing moves in it for long.*--start and --end"),
        (ramp(9), Cut((0, 0, 999, 9)), ConfigError, "crop 0,0,999,9 .* picture of 96 x 64"),
        ([], ALL, DataError, "v.mp4"),
    ],
)
def test_what_is_no_demonstration_is_refused_and_leaves_nothing(
    store, tmp_path, pictures, cut, error, message
):
    path = write(tmp_path / "v.mp4", pictures)
    with pytest.raises(error, match=message):
        import_video(path, store, CONTRACT, cut)
    assert not store.root.exists()


# --- the command ----------------------------------------------------------------------------------


def test_the_command(tmp_path, capsys):
    path = write(tmp_path / "v.mp4", moving([(0.5, 1.5)], 2.5))
    words = ["--directory", str(tmp_path / "e"), "--task", "push", "--crop", "40,0,240,240"]
    assert main(["demos", "import", str(path), *words]) == 0
    captured = capsys.readouterr()
    demo = read_demo(captured.out.strip(), CONTRACT)
    assert demo.task == "push"
    assert f"{len(demo)} pictures at 10 Hz" in captured.err
    assert "preview.png" in captured.err
    assert json.loads((tmp_path / "e" / captured.out.split("/")[-1].strip() / "episode.json")
                      .read_text())["kind"] == "human"  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "robot"], "a video shows a person"),
        (["--remap", "/a:=/b"], "a video shows a person"),
        (["--crop", "1,2"], "write x,y,width,height"),
        (["--start", "9", "--end", "8"], "is nothing"),
    ],
)
def test_the_command_refuses(tmp_path, capsys, words, message):
    path = write(tmp_path / "v.mp4", ramp(3))
    assert main(["demos", "import", str(path), "--directory", str(tmp_path / "e"), *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_options_of_videos_are_for_videos(tmp_path, capsys):
    assert main(["demos", "import", str(tmp_path), "--start", "1"]) == 1
    assert "are for videos" in capsys.readouterr().err


# --- learning from it -----------------------------------------------------------------------------


def session(name):
    learner = learners.make(name)
    return Session(learner, learner.init(0))


def test_a_rendered_person_comes_through_a_phones_file(take, tmp_path):
    """As a camera of ours films and a phone writes it: nearly what a policy is trained on."""
    task = draw_task("place", "val", 3)
    whole = film(task, film_stream(task, 0, 0), image=WHOLE_PICTURE)
    phone.write(tmp_path / "film.mp4", whole.rgb)
    done, demo = take(tmp_path / "film.mp4")
    assert len(demo) == whole.length == done.pictures
    expected = np.stack([SHOWN.apply(each) for each in whole.rgb]).astype(float)
    assert np.abs(demo.rgb - expected).mean() < 8, "noise and the codec, no more"
    moves = np.abs(np.diff(expected, axis=0)).max((1, 2, 3)) > 60
    for t in np.flatnonzero(moves):
        now, after = (np.abs(demo.rgb[t] - expected[i]).mean() for i in (t, t + 1))
        assert now < after, "each picture in its place"


def test_a_learner_of_videos_adapts_on_it(take, tmp_path):
    _, demo = take(write(tmp_path / "v.mp4", moving([(0.0, 2.0)], 2.0)))
    held = session("daml")
    held.apply(held.adapt([demo]))
    assert held.adapted


def test_a_learner_of_states_refuses_it_by_name(take, tmp_path):
    _, demo = take(write(tmp_path / "v.mp4", ramp(5)), task="filmed")
    with pytest.raises(DemoFormatError, match=r"'filmed' of kind human .* no tip positions"):
        session("mil").adapt([demo])
