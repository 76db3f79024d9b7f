import av
import numpy as np
import pytest

from ros_nodes import video
from ros_nodes.video import PANEL, TITLE_ROWS, Clip, Film, compose

RED, BLUE = (200, 30, 30), (30, 30, 200)


def pictures(count, colour=RED):
    return [np.full((240, 320, 3), colour, np.uint8) for _ in range(count)]


def read(path):
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context.name
        return codec, [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


def middle(picture, row, column):
    """Colour in the middle of a trial's panel."""
    rows, columns = PANEL
    return picture[TITLE_ROWS + row * rows + rows // 2, (2 + column) * columns + columns // 2]


@pytest.mark.parametrize("codec", video.CODECS)
def test_a_film_holds_demo_and_trials_side_by_side(tmp_path, monkeypatch, codec):
    monkeypatch.setattr(video, "CODECS", (codec,))
    path = tmp_path / "new" / "film.mp4"
    with Film(path, fps=10) as film:
        for _ in range(2):
            trials = [Clip("a", pictures(7, BLUE), True), Clip("b", pictures(4, RED), False)]
            film.scene("task", Clip("shown", pictures(5)), trials)
    name, frames = read(path)
    assert name == {"libx264": "h264"}.get(codec, codec)
    assert len(frames) == 2 * (7 + round(10 * video.REST_S))
    assert frames[0].shape == (TITLE_ROWS + 2 * PANEL[0], 4 * PANEL[1], 3)
    assert np.abs(middle(frames[3], 0, 0).astype(int) - BLUE).max() < 40
    assert np.abs(middle(frames[3], 0, 1).astype(int) - RED).max() < 40
    assert np.abs(frames[3][300, 320].astype(int) - RED).max() < 40


@pytest.mark.parametrize("trials", [1, 2, 3, 4, 5, 9])
def test_any_number_of_trials_fits_and_sides_are_even(trials):
    shown = Clip("shown", pictures(2))
    picture = compose("task", shown, [Clip("x", pictures(1, BLUE), True)] * trials, 1)
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    blue = (picture == BLUE).all(-1)
    assert blue.sum() > 0.8 * trials * PANEL[0] * PANEL[1]


def test_a_clip_that_has_ended_shows_how():
    clip = Clip("x", pictures(2, BLUE), False)
    edge = (TITLE_ROWS + 2, 2 * PANEL[1] + 100)
    assert tuple(compose("t", clip, [clip], 1)[edge]) != video.RED
    assert tuple(compose("t", clip, [clip], 2)[edge]) == video.RED


def break_off(path):
    with Film(path) as film:
        film.scene("t", Clip("x", pictures(1)), [])
        raise RuntimeError("it broke")


def test_an_empty_or_broken_film_leaves_no_file(tmp_path):
    with Film(tmp_path / "empty.mp4"):
        pass
    with pytest.raises(RuntimeError, match="it broke"):
        break_off(tmp_path / "broken.mp4")
    assert not list(tmp_path.iterdir())
