from pathlib import Path
from typing import get_args

from robot_meta.options import Film, TrainOptions
from robot_meta.rollout import PHONE
from sim.manner import FILM_PRESETS


def test_options_become_words_again():
    options = TrainOptions(steps=5, settings=("a=1", "b=2"), out=Path("x y"), workers=2)
    words = options.words()
    assert words[words.index("--settings") + 1 :][:2] == ["a=1", "b=2"]
    assert words[words.index("--out") + 1] == "x y"
    assert "--workers" not in words
    assert "--data" not in words


def test_films_are_those_of_the_world_and_the_phones():
    assert get_args(Film) == (*FILM_PRESETS, PHONE)
