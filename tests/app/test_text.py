from __future__ import annotations

import pytest

from app.text import count, counted, minus, percent, size, times, unbroken


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (5_288_548, "5.29 M"),
        (999_999, "1.00 M"),
        (385_814_752, "386 M"),
        (99_960_000, "100 M"),
        (37_749_171_632, "37.7 B"),
    ],
)
def test_counts_have_three_digits(value: float, text: str) -> None:
    assert count(value) == text


def test_sizes_are_decimal() -> None:
    assert (size(512), size(21_154_192)) == ("512 B", "21.2 MB")


def test_ratios() -> None:
    assert (times(3, 2), times(2, 2), times(1, 4)) == ("×1.5", "the same", "×0.25")


def test_a_number_stays_with_its_unit() -> None:
    assert unbroken("1.45 k → 85.7 ms predicted (80 – 92)") == (
        "1.45\u00a0k → 85.7\u00a0ms predicted (80 – 92)"
    )


def test_minus_signs() -> None:
    assert (minus(-1.5), minus(0.0), minus(-0.001), minus(10)) == ("−1.5", "0", "0", "10")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0 %"),
        (0.0004, "< 0.1 %"),
        (0.431, "43.1 %"),
        (0.9996, "> 99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_percentages_are_never_falsely_nothing_or_everything(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("number", "word", "text"),
    [
        (0, "run", "0 runs"),
        (1, "run", "1 run"),
        (1, "class", "1 class"),
        (2048, "class", "2,048 classes"),
    ],
)
def test_a_number_has_its_noun_s_form(number: int, word: str, text: str) -> None:
    assert counted(number, word) == text


def test_what_stands_before_the_noun_follows_the_number() -> None:
    assert counted(1, "photo", before="training ") == "1 training photo"
