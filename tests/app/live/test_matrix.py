"""The table of pictures and models."""

from __future__ import annotations

from app.live.matrix import Cell, Row, table

HOSTILE = "<img src=x onerror=alert(1)>"


def test_every_text_is_text_and_a_row_leads_to_its_picture() -> None:
    cells = (
        Cell(text=HOSTILE, share="95.1 %"),
        Cell(text="cup", share="40.0 %", differs=True),
        Cell(text="no answer", share=""),
    )
    row = Row(key="coffee", title=HOSTILE, thumbnail=bytes(2000), cells=cells, chosen=True)
    drawn = table(["Lite0", HOSTILE, "B0"], [row], [("Median", ["1 ms", "2 ms", "–"])])
    assert "<img src=x" not in drawn
    assert drawn.count("&lt;img src=x onerror=alert(1)&gt;") == 3  # a picture, a class, a model
    assert drawn.count('data-key="coffee"') == 4
    assert drawn.count("differs") == 2 and "40.0 % · differs" in drawn
    assert drawn.count('scope="col"') == 4 and drawn.count('scope="row"') == 2
    assert len(drawn) < 6000
