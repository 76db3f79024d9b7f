import cv2
import numpy as np
import pytest

from robot_meta.errors import ConfigError, DataError
from robot_meta.segmentation import clicking, table


def picture(place, size=(96, 160)):
    """A red square on grey, of a fifth of the height."""
    out = np.full((*size, 3), 110, np.uint8)
    side = size[0] // 5
    out[place[1] : place[1] + side, place[0] : place[0] + side] = (220, 30, 30)
    return out


def test_a_click_marks_the_thing_in_a_picture_of_another_size():
    learner = table.make("colour", {})
    shown, query = picture((20, 10)), picture((60, 120), (200, 300))
    found = clicking.mask(learner, {}, shown, [(25, 15)], [(100, 50)], query)
    wanted = (query == (220, 30, 30)).all(-1)
    assert found.shape == (200, 300)
    assert (found & wanted).sum() / (found | wanted).sum() > 0.8


@pytest.mark.parametrize("click", [(160, 5), (5, 96)])
def test_clicks_outside_are_refused(click):
    learner, shown = table.make("colour", {}), picture((20, 10))
    with pytest.raises(ConfigError, match="outside the picture of 160x96"):
        clicking.mask(learner, {}, shown, [click], [], shown)


def test_a_thing_must_be_clicked():
    learner, shown = table.make("colour", {}), picture((20, 10))
    with pytest.raises(ConfigError, match="no clicks"):
        clicking.mask(learner, {}, shown, [], [(1, 1)], shown)


@pytest.mark.parametrize("word", ["12", "a,b", "-1,2", "1.5,2", "1,2,3"])
def test_what_is_no_click_is_refused(word):
    with pytest.raises(ConfigError, match="x,y"):
        clicking.parse(["3,4", word])


def test_files_that_are_no_pictures_are_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        clicking.read(tmp_path / "none.png")
    (tmp_path / "bad.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"bad\.png: not a picture"):
        clicking.read(tmp_path / "bad.png")
    cv2.imwrite(str(tmp_path / "good.png"), picture((20, 10))[..., ::-1])
    assert (clicking.read(tmp_path / "good.png") == picture((20, 10))).all()
