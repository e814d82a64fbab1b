"""The sections of docs/what-it-reads.md that the tables of pictures and zips give."""

from __future__ import annotations

from collections.abc import Iterable

from tests.reading.pictures import PICTURES
from tests.reading.zips import ZIPS


def pictures() -> str:
    """Formats by the depth of their values, and what becomes of each."""
    rows = ((row.format, row.values, row.outcome) for row in PICTURES)
    return f"""## Pictures

What a picture is, its bytes say, not its name. Sentences in quotation marks are those that
answers carry. Colours of wide profiles are converted where people look at a picture (Classify,
Explain, `effnet classify`, `explain`, `probe`); data sets are trained on and evaluated with the
numbers that their files hold, as by all whose accuracies they are compared with. HEIC is not read:
the decoder that could be shipped (libheif by pi-heif 1.4.0) crashed on damaged files.

{_table(("Format", "Values", "What becomes of it"), rows)}"""


def zips() -> str:
    """Layouts of zips and folders, and what is read from each."""
    rows = ((row.layout, row.outcome) for row in ZIPS)
    return f"""## Zips and folders of photos

`--folders splits` or `--folders classes` (in the form: a choice) says what the folders at the top
are where their names leave it open.

{_table(("Layout", "What becomes of it"), rows)}"""


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown; vertical bars and control characters of cells would end them."""
    lines = (header, ("---",) * len(header), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
