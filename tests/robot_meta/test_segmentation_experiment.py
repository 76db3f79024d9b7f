import numpy as np

from robot_meta import report, segmentation_experiment
from robot_meta.results import read_result
from robot_meta.segmentation import table
from tests.robot_meta.segmentation.tables import tables


def test_from_pictures_to_a_results_file(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(
        segmentation_experiment, "pictures", lambda split, count, watch: tables(6, 6, seed=count)
    )
    effort = segmentation_experiment.Effort({"train": 1, "val": 2, "test": 3}, 2, (0, 1))
    monkeypatch.setattr(segmentation_experiment, "QUICK", effort)
    small = {"net": {"widths": [8, 8, 8], "features": 8}}
    make = table.make
    monkeypatch.setattr(
        table, "make", lambda name, config: make(name, config if name == "colour" else small)
    )
    found = segmentation_experiment.run(quick=True)
    result = read_result(tmp_path / "segmentation-quick.json")
    assert (tmp_path / "segmentation-quick.png").exists()
    assert found["miou_colour_1_shot_3_clicks"].value > 0.9, "colours tell all on toy tables"
    assert result["metrics"].keys() == found.keys()
    for case in ("1_shot_1_click", "5_shots_5_clicks"):
        paired = found[f"guided_minus_colour_{case}"].value
        apart = found[f"miou_guided_{case}"].value - found[f"miou_colour_{case}"].value
        assert np.isclose(paired, apart)
    assert len((tmp_path / "test-log.jsonl").read_text().splitlines()) == 4
