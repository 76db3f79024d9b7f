import pytest

from robot_meta import language_experiment, persona_talk, report, translation
from robot_meta.fine_tuning import Tuning
from robot_meta.results import read_result


@pytest.fixture
def _small(monkeypatch, tmp_path) -> None:
    """Everything at its least."""
    monkeypatch.setattr(
        language_experiment,
        "QUICK_TRANSLATION",
        translation.Effort(
            steps=1, tasks=1, pairs=2, tuning_steps=1, sizes=(256,), test=translation.TEST[:2]
        ),
    )
    monkeypatch.setattr(
        language_experiment,
        "QUICK_PERSONAS",
        persona_talk.Effort(steps=1, tasks=1, dialogs=1, test=2),
    )
    monkeypatch.setattr(translation, "CORPUS", 4)
    monkeypatch.setattr(translation, "VALIDATION", (100,))
    monkeypatch.setattr(translation, "RATES", (1e-2,))
    monkeypatch.setattr(translation, "MARKS", ())
    monkeypatch.setattr(translation, "JUDGED", 4)
    monkeypatch.setattr(persona_talk, "JUDGED", 6)
    monkeypatch.setattr(persona_talk, "VALIDATION", 2)
    monkeypatch.setattr(persona_talk, "TUNINGS", (Tuning(rate=0.1, steps=1),))
    monkeypatch.setattr(persona_talk, "DIALOGS", (1, 10))
    monkeypatch.setattr(persona_talk, "MARKS", ())
    monkeypatch.setattr(report, "RESULTS", tmp_path)


@pytest.mark.usefixtures("_small")
def test_the_experiment_leaves_a_result_a_picture_and_a_line_in_the_log(tmp_path):
    path = tmp_path / "language.json"
    found = language_experiment.run(quick=True, out=path)
    content = read_result(path)
    assert set(content["metrics"]) == set(found)
    assert set(content["published"]) == set(language_experiment.PUBLISHED)
    assert content["config"]["fine_tuning"]["meta_nmt_256"]["steps"] == 1
    assert path.with_suffix(".png").stat().st_size > 1000
    assert len((tmp_path / "test-log.jsonl").read_text().splitlines()) == 1
    # What is not adapted cannot depend on how many dialogs there are.
    assert len({found[f"consistency_joint_{n}_dialogs"].value for n in persona_talk.DIALOGS}) == 1


@pytest.mark.slow
def test_meta_training_on_personas_makes_replies_consistent():
    effort = persona_talk.Effort(steps=300, test=20)
    found = {}
    for name in ("paml", "joint"):
        learner, theta = persona_talk.train(name, effort, None, lambda steps, *_: steps)
        found[name] = persona_talk.evaluate(name, learner, theta, 10, effort).consistency.mean()
    assert found["paml"] > 0.6
    assert found["joint"] < 0
