import numpy as np
import pytest

from robot_meta.data import instructions, languages
from robot_meta.data.instructions import Instruction, Thing
from robot_meta.data.languages import language

SAID = Instruction(
    verb="put",
    thing=Thing("cube", "red", plural=True),
    place=("behind", Thing("bowl", None, plural=False)),
    adverb=None,
    negated=True,
)


def test_english_says_what_is_meant():
    assert " ".join(instructions.english(SAID)) == "do not put the red cube -s behind the bowl"


def test_a_language_is_its_number():
    one, again, other = language(3), language(3), language(7)
    assert one == again
    assert one.family == other.family
    assert one.stems != other.stems


@pytest.mark.parametrize("number", range(12))
def test_all_that_is_said_can_be_encoded_and_means_one_thing(number):
    spoken = language(number)
    rng = np.random.default_rng(number)
    meant = [instructions.draw(rng) for _ in range(300)]
    pairs = [(spoken.say(each), instructions.english(each)) for each in meant]
    languages.codec().encode(pairs)
    # A corpus could be translated without a fault: the same words never mean two things.
    assert len({tuple(said) for said, _ in pairs}) == len({tuple(told) for _, told in pairs})


def test_no_stem_means_two_things_in_a_language():
    for number in range(20):
        assert len(set(language(number).stems.values())) == len(instructions.CONCEPTS)


def test_relatives_share_words_and_strangers_do_not():
    def shared(a: int, b: int) -> float:
        one, other = language(a).stems, language(b).stems
        return float(np.mean([one[c] == other[c] for c in instructions.CONCEPTS]))

    relatives = np.mean([shared(a, a + languages.FAMILIES * k) for a in range(8) for k in (1, 2)])
    strangers = np.mean([shared(a, a + 1) for a in range(8)])
    assert relatives == pytest.approx(languages.COGNATE**2, abs=0.08)
    assert strangers < 0.05


def test_traits_decide_the_order():
    spoken = language(0)
    first = spoken.say(SAID)
    ends = [
        language_with(spoken, verb=verb, negation="first", courtesy="none").say(SAID)
        for verb in ("first", "last")
    ]
    assert ends[0][1] == spoken.stems["put"] == ends[1][-1]
    assert {spoken.stems["not"], spoken.stems["put"]} < set(first)
    twice = language_with(spoken, plural="twice").say(SAID)
    assert twice.count(spoken.stems["cube"]) == 2


def language_with(spoken: languages.Language, **traits: str) -> languages.Language:
    from dataclasses import replace

    return replace(spoken, traits={**spoken.traits, **traits})
