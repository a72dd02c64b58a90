"""Under each lesson's main figure stand its data as a table, folded."""

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

import notebooks
from lt_course.plots import data_table

CALL = re.compile(r"data_table\(|map\(data_table")
FRAME = pd.DataFrame(
    {"S(p)": [0.5, None], "<claim>": ["0.12 [0.05, 0.19]", "none"]},
    index=pd.MultiIndex.from_tuples([("ours", "sl"), ("ours", "clip")], names=["whose", "run"]),
)


def test_each_header_names_a_row_or_a_column() -> None:
    soup = BeautifulSoup(data_table(FRAME, "Means & intervals.").data, "html.parser")
    (fold,) = soup.select("details")
    assert not fold.has_attr("open")
    assert fold.summary.get_text() == "The data of this figure"
    assert fold.caption.get_text() == "Means & intervals."
    columns = [cell.get_text() for cell in fold.select('thead th[scope="col"]')]
    assert columns == ["S(p)", "<claim>"]
    rows = [[c.get_text() for c in row.select('th[scope="row"]')] for row in fold.select("tr")]
    assert rows[1:] == [["ours", "sl"], ["ours", "clip"]]
    cells = [[c.get_text() for c in row.select("td")] for row in fold.select("tbody tr")]
    assert cells == [["0.5", "0.12 [0.05, 0.19]"], ["–", "none"]]
    assert all(th.has_attr("scope") for th in fold.select("th") if th.get_text(strip=True))


def test_an_empty_frame_has_a_heading() -> None:
    soup = BeautifulSoup(data_table(FRAME[:0], "Nothing yet.").data, "html.parser")
    assert [cell.get_text() for cell in soup.select('th[scope="col"]')] == ["S(p)", "<claim>"]
    assert soup.select("tbody tr") == []


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_a_figure_of_each_lesson_has_its_data_beneath_it(source: Path) -> None:
    cells = nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells
    (place,) = (i for i, cell in enumerate(cells) if CALL.search(cell.source))
    assert "figure" in cells[place - 1].metadata["mystnb"]
    tables = [BeautifulSoup(o.data["text/html"], "html.parser") for o in cells[place].outputs]
    assert tables
    for table in tables:
        assert len(table.select("details > table > caption")) == 1
        rows = table.select("tbody tr")
        assert len(rows) > 1
        assert all(row.select_one('th[scope="row"]').get_text(strip=True) for row in rows)
