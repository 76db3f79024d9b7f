import torch

from robot_meta import translation
from robot_meta.data import languages
from robot_meta.translation import Effort

TINY = Effort(steps=2, tasks=2, pairs=3, tuning_steps=2, test=translation.TEST[:2])


def test_no_language_is_in_two_splits():
    splits = (translation.TRAINING, translation.VALIDATION, translation.TEST)
    assert len(set().union(*splits)) == sum(map(len, splits))
    spoken = [languages.language(number) for split in splits for number in split]
    assert len({tuple(each.stems.values()) for each in spoken}) == len(spoken)


def test_pairs_to_adapt_on_are_not_those_to_be_judged_by():
    few, more = (translation.held_out(translation.TEST[:2], size) for size in (4, 16))
    assert few.support.x.shape[:2] == (2, 4)
    assert torch.equal(more.support.x[:, :4], few.support.x)
    assert torch.equal(more.query.x, few.query.x)
    assert not torch.equal(few.query.x[0, :4], few.support.x[0])


def test_the_truth_is_judged_to_be_perfect_and_a_fault_to_be_one():
    truth = translation.held_out([200], 4).query.y[0]
    assert translation.judged(languages.codec(), truth, truth) == (100.0, 1.0)
    wrong = truth.clone()
    wrong[0, 0] = truth[0, 0] + 1
    score, exact = translation.judged(languages.codec(), wrong, truth)
    assert 90 < score < 100
    assert exact == 1 - 1 / translation.JUDGED


def test_untrained_fine_tuning_is_scored_by_language(monkeypatch):
    monkeypatch.setattr(translation, "JUDGED", 5)
    monkeypatch.setattr(translation, "MARKS", (1,))
    learner, theta = translation.train("scratch", TINY, None, lambda steps, *_: steps)
    found = translation.evaluate(learner, theta, 4, TINY)
    assert found.bleu.shape == found.exact.shape == (2,)
    assert found.tuning.steps in (1, 2)
