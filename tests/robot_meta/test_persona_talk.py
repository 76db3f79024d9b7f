import numpy as np
import pytest
import torch

from robot_meta import persona_talk
from robot_meta.data import personas
from robot_meta.persona_talk import Effort


def test_the_splits_are_apart_and_the_same_each_time():
    val, test = persona_talk.people("val", 5), persona_talk.people("test", 5)
    assert {p.split for p in val} == {"val"}
    assert {p.split for p in test} == {"test"}
    assert persona_talk.people("test", 7)[:5] == test


def test_fewer_dialogs_are_the_first_of_more():
    _, few = persona_talk.held_out("val", 2, 1)
    _, more = persona_talk.held_out("val", 2, 10)
    assert few.support.x.shape[:2] == (2, persona_talk.TURNS)
    assert torch.equal(more.support.x[:, : persona_talk.TURNS], few.support.x)
    assert torch.equal(more.query.y, few.query.y)


def test_a_meta_batch_is_of_persons_who_keep_to_themselves():
    tasks = persona_talk.draw(np.random.default_rng(0), Effort(tasks=3, dialogs=2))
    assert tasks.support.x.shape[:2] == tasks.query.x.shape[:2] == (3, 6)
    for support, query in zip(tasks.support.y, tasks.query.y, strict=True):
        told: dict[str, set[str]] = {}
        for words in personas.codec().decode(torch.cat([support, query])):
            for fact, values in personas.claims(words).items():
                told.setdefault(fact, set()).update(values)
        assert all(len(values) == 1 for values in told.values())


def test_the_persons_own_replies_are_consistent_and_anothers_are_not():
    found, tasks = persona_talk.held_out("val", 2, 1)
    truth = tasks.query.y[0]
    own, right = persona_talk.judge(found[0], truth, truth)
    claimed = [bool(personas.claims(words)) for words in personas.codec().decode(truth)]
    assert own == pytest.approx(np.mean(claimed))
    assert right == 1
    shifted = {
        fact: values[(values.index(found[0].facts[fact]) + 1) % len(values)]
        for fact, values in personas.FACTS.items()
    }
    liar = personas.Persona(shifted, "", "", 0)
    assert persona_talk.judge(liar, truth, truth)[0] == pytest.approx(-own)


def test_without_adapting_nothing_is_chosen(monkeypatch):
    monkeypatch.setattr(persona_talk, "JUDGED", 4)
    effort = Effort(steps=1, tasks=1, dialogs=1, test=2)
    learner, theta = persona_talk.train("joint", effort, None, lambda steps, *_: steps)
    scores = persona_talk.evaluate("joint", learner, theta, 1, effort)
    assert scores.tuning.steps == 0
    assert scores.loss.shape == scores.consistency.shape == (2,)
    assert (abs(scores.consistency) <= 1).all()
