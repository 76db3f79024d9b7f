import math

import pytest

from robot_meta.bleu import bleu, brevity, precision
from robot_meta.errors import DataError

REFERENCE = ["put", "the", "red", "cube", "behind", "the", "bowl"]


def test_the_references_themselves_score_100():
    assert bleu([REFERENCE, REFERENCE[:5]], [REFERENCE, REFERENCE[:5]]) == pytest.approx(100)


def test_one_wrong_word_in_the_middle_in_closed_form():
    # 7 words, the fourth wrong: 6/7 words, 4/6 pairs, 2/5 threes; all 4 runs of four hold it.
    wrong = [*REFERENCE[:3], "ball", *REFERENCE[4:]]
    assert [precision([wrong], [REFERENCE], n) for n in (1, 2, 3, 4)] == [6 / 7, 4 / 6, 2 / 5, 0]
    assert bleu([wrong], [REFERENCE]) == 0
    # At the end it is in one run of each length.
    last = [*REFERENCE[:6], "ball"]
    product = 6 / 7 * 5 / 6 * 4 / 5 * 3 / 4
    assert bleu([last], [REFERENCE]) == pytest.approx(100 * product ** (1 / 4))


def test_a_repeated_word_counts_as_often_as_in_the_reference():
    # Papineni et al.'s own case: "the" seven times against a reference that has it twice.
    found, reference = ["the"] * 7, ["the", "cat", "is", "on", "the", "mat"]
    assert precision([found], [reference], 1) == pytest.approx(2 / 7)


def test_a_prefix_pays_for_its_brevity_alone():
    assert bleu([REFERENCE[:5]], [REFERENCE]) == pytest.approx(100 * math.exp(1 - 7 / 5))
    assert brevity([[]], [REFERENCE]) == 0
    assert brevity([[*REFERENCE, "now"]], [REFERENCE]) == 1


def test_it_is_of_the_corpus_and_not_a_mean_of_sentences():
    short = ["go", "on"]  # alone it has no run of four words
    assert bleu([short], [short]) == 0
    assert bleu([REFERENCE, short], [REFERENCE, short]) == pytest.approx(100)


@pytest.mark.parametrize(
    ("found", "references", "said"),
    [([], [], "0 sentences"), ([["a"]], [], "1 sentences for 0"), ([["a"]], [[]], "no words")],
)
def test_what_cannot_be_scored_is_refused(found, references, said):
    with pytest.raises(DataError, match=said):
        bleu(found, references)
