"""What docs/engines.md says of number formats is what was measured last."""

from __future__ import annotations

from pathlib import Path

from benchmarks.formats import recorded, table

DOCS = Path(__file__).parents[2] / "docs" / "engines.md"


def test_the_page_shows_the_record() -> None:
    assert table(recorded()) in DOCS.read_text(encoding="utf-8")


def test_float32_is_what_the_others_are_held_against() -> None:
    base, *others = recorded()
    assert (base.same, base.largest_change) == (base.photos, 0)
    for row in others:
        assert 0 < row.median_change <= row.largest_change
        assert row.right <= row.among_five <= row.photos >= row.same
