import numpy as np
import pytest

from robot_meta.data import personas
from robot_meta.data.personas import Persona

FACTS = {
    "pet": "dog",
    "job": "baker",
    "home": "oslo",
    "food": "rice",
    "hobby": "chess",
    "colour": "red",
}
ANN = Persona(FACTS, opening="well", ending="my friend", wording=1)


def test_a_persona_speaks_in_its_own_way():
    assert " ".join(ANN.reply("do you have a pet", "pet")) == "well my pet is a dog my friend"
    assert " ".join(ANN.reply("how are you", None)) == "well not bad my friend"


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ("my pet is a dog", 1),
        ("i have a cat", -1),
        ("thank you haha", 0),
        ("i am a baker and i live in paris", -1),
        ("i have a dog or a cat", -1),
    ],
)
def test_contradictions_are_found_exactly(said, score):
    assert personas.consistency(ANN, said.split()) == score


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_nobody_contradicts_themselves_and_all_can_be_encoded(split):
    rng = np.random.default_rng(0)
    for _ in range(20):
        person = personas.persona(rng, split)
        assert person.split == split
        turns = [personas.turn(person, rng) for _ in range(20)]
        assert min(personas.consistency(person, reply) for _, reply in turns) >= 0
        personas.codec().encode(turns)


def test_every_value_belongs_to_one_fact():
    values = [value for each in personas.FACTS.values() for value in each]
    assert len(values) == len(set(values))
    assert set(personas.QUESTIONS) == set(personas.REPLIES) == set(personas.FACTS)


def test_most_turns_ask_for_a_fact():
    rng = np.random.default_rng(0)
    asked = [bool(personas.claims(personas.turn(ANN, rng)[1])) for _ in range(500)]
    assert np.mean(asked) == pytest.approx(personas.ASKED, abs=0.06)
