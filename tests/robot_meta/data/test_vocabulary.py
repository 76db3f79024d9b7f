import pytest

from robot_meta.data.vocabulary import BEGIN, END, PAD, Codec, Vocabulary, joined
from robot_meta.errors import ConfigError, DataError

WORDS = Vocabulary(["put", "cube", "-s"])


def test_decoding_undoes_encoding():
    assert WORDS.decode(WORDS.encode(["put", "cube", "-s"], 3)) == ["put", "cube", "-s"]
    assert WORDS.decode([3, END, 4]) == ["put"]


def test_the_target_is_read_one_place_later_than_it_is_said():
    found = Codec(WORDS, WORDS, 2, 4).encode([(["cube"], ["put", "cube"])])
    assert found.x.tolist() == [[4, PAD, BEGIN, 3, 4, PAD]]
    assert found.y.tolist() == [[3, 4, END, PAD]]
    assert found.x[0, 3:5].tolist() == found.y[0, :2].tolist()


def test_affixes_are_fixed_to_their_words():
    assert joined(["ka-", "tolu", "-s", "-mi", "de"]) == ["katolusmi", "de"]


def test_bad_words_are_told():
    with pytest.raises(DataError, match="ball"):
        WORDS.encode(["ball"], 2)
    with pytest.raises(DataError, match="at most 1"):
        WORDS.encode(["put", "cube"], 1)
    with pytest.raises(ConfigError, match="twice"):
        Vocabulary(["a", "a"])
