import numpy as np
import pytest

from robot_meta import language_figures
from robot_meta.fine_tuning import Tuning
from robot_meta.persona_talk import Scores as Talked
from robot_meta.translation import Scores as Translated

TUNING = Tuning(rate=0.1, steps=1)


def test_perplexity_is_the_exponential_of_the_mean_loss():
    scores = Talked(np.log([2.0, 8.0]), np.ones(2), np.ones(2), TUNING)
    found = language_figures.persona_metrics({"paml": {1: scores}, "joint_tuned": {1: scores}})
    one = found["perplexity_paml_1_dialogs"]
    assert one.value == pytest.approx(4.0)
    assert one.ci95 == pytest.approx((2.0, 8.0))
    assert found["consistency_paml_minus_joint_tuned_1_dialogs"].value == 0


def test_differences_are_paired_by_language():
    ours = Translated(np.array([20.0, 40.0, 60.0]), np.zeros(3), TUNING)
    theirs = Translated(np.array([19.0, 39.0, 59.0]), np.zeros(3), TUNING)
    found = language_figures.translation_metrics({"meta_nmt": {4: ours}, "transfer": {4: theirs}})
    assert found["bleu_meta_nmt_4_pairs"].value == pytest.approx(40.0)
    assert found["bleu_meta_nmt_minus_transfer_4_pairs"].ci95 == pytest.approx((1.0, 1.0))
