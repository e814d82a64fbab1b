from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from app.markup import bars, html, one_line, plain, title

HOSTILE = "<script>alert(1)</script> **bold** $x^2$ :red[hot] ![i](http://x/y.png)"


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(source: str) -> Collector:
    collector = Collector()
    collector.feed(source)
    collector.close()
    return collector


@given(st.text())
@example(HOSTILE)
def test_html_shows_the_text_and_makes_no_tag(text: str) -> None:
    shown = read(html(text))
    assert not shown.tags
    assert shown.text == one_line(text)


@given(st.text())
@example(HOSTILE)
def test_plain_leaves_no_punctuation_that_markdown_could_read(text: str) -> None:
    shown = plain(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == one_line(text)
    without_escapes = re.sub(r"\\[!-/:-@\[-`{-~]", "", shown)
    assert not re.search(r"[!-/:-@\[-`{-~]", without_escapes)


def test_line_breaks_and_direction_overrides_are_dropped() -> None:
    assert one_line("photo\u202egpj.exe\n# heading\x00") == "photo gpj.exe # heading"


@given(st.lists(st.tuples(st.text(), st.floats(0, 1)), max_size=12), st.integers(1, 10))
@example([(HOSTILE, 1 / 3)], 5)
def test_every_table_of_bars_has_the_same_number_of_rows(
    rows: list[tuple[str, float]], count: int
) -> None:
    table = bars(rows, count=count, name="What it sees")
    assert table.split("<tbody>")[1].count("<tr") == count
    assert read(table).tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "span"}


def test_a_card_title_holds_its_details_on_one_line() -> None:
    assert read(title(HOSTILE, "a", "b")).text == f"{HOSTILE}a · b"
