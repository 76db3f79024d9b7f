import json

import pytest

from robot_meta import results, tables
from robot_meta.errors import DataError
from robot_meta.results import Metric, Published

PAGE = """# Title

<!-- table:mil-place keys=success,adapt_ms -->
old
<!-- /table -->

between
<!-- table:mil-place -->
<!-- /table -->
end
"""


@pytest.fixture
def folder(tmp_path):
    results.write_result(
        tmp_path / "results" / "mil-place.json",
        "mil-place",
        "Test split, one seed, 300 trials, labels hidden.",
        {
            "success": Metric(value=0.9567, unit="rate", n=300, ci95=(0.93, 0.98), seeds=(0,)),
            "adapt_ms": Metric(value=61.234, unit="ms", n=100),
            "frames": Metric(value=12345.6, unit="1/s", n=5),
        },
        published={"success": Published(value=0.9, source="MIL", differs="real robot")},
        wall_s=1.0,
    )
    return tmp_path


def test_tables_are_made_from_the_results(folder):
    page = folder / "README.md"
    page.write_text(PAGE)
    assert tables.update(page, folder / "results")
    lines = page.read_text().split("\n")
    start = lines.index("<!-- table:mil-place keys=success,adapt_ms -->")
    assert lines[start + 1 : start + 6] == [
        "| figure | value | 95 % interval | n | published | how it differs |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `success` | 0.957 | 0.930 to 0.980 | 300 | 0.900 (MIL) | real robot |",
        "| `adapt_ms` | 61.2 ms |  | 100 |  |  |",
        "<!-- /table -->",
    ]
    assert "| `frames` | 12,346 1/s |  | 5 |  |  |" in lines
    assert {"# Title", "between", "end"} <= set(lines)
    assert "old" not in lines


def test_a_second_run_changes_nothing(folder):
    page = folder / "README.md"
    page.write_text(PAGE)
    tables.update(page, folder / "results")
    assert not tables.update(page, folder / "results")


def test_without_published_figures_there_is_no_column_for_them(folder):
    content = results.read_result(folder / "results" / "mil-place.json")
    assert tables.table(content, ["frames"])[0] == "| figure | value | 95 % interval | n |"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<!-- table:mil-place -->\nno end", "README.md:1: table without an end"),
        ("<!-- table:mil-place -->\n<!-- table:mil-place -->", "table within a table"),
        ("<!-- table:unknown -->\n<!-- /table -->", "unknown.json"),
        ("<!-- table:mil-place keys=speed -->\n<!-- /table -->", r"no metric \['speed'\]"),
    ],
)
def test_what_cannot_be_made_is_named_and_the_page_stays(folder, page, words):
    path = folder / "README.md"
    path.write_text(page)
    with pytest.raises(DataError, match=words):
        tables.update(path, folder / "results")
    assert path.read_text() == page


def test_a_result_that_was_edited_by_hand_is_refused(folder):
    path = folder / "results" / "mil-place.json"
    content = json.loads(path.read_text())
    content["metrics"]["success"]["value"] = "very good"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="'very good', expected a finite number"):
        tables.rendered(PAGE, folder / "results")
