"""What the scripts of `app.live` compute, called in Chromium: φ's step, numbers, axes, charts."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytest

from app.live.steps import reading
from app.scale.pricing import TENTHS
from app.text import count, size

pytestmark = pytest.mark.browser

Script = Callable[[str, str, Sequence[Any]], Any]
Range = tuple[float, float]
CHART = {
    "height": 430,
    "x": {"label": "φ", "logarithmic": False, "range": [-6.4, 10.4], "unit": ""},
    "y": {"label": "Memory", "logarithmic": True, "range": [6.0, 9.0], "unit": "B"},
    "lines": [
        {
            "name": "compound scaling",
            "x": [-6, 0, 10.4],
            "y": [1e6, 1e7, 1e9],
            "width": 3.5,
            "opacity": 1,
            "dash": "7 5",
            "texts": ["least", "middle", "most"],
        }
    ],
    "marks": [
        {
            "name": "published",
            "symbol": "circle",
            "labels": ["B0", "B9", ""],
            "marks": [
                {"x": 0, "y": 1e7, "title": "B0", "text": "B0, 10 MB"},
                {"x": None, "y": 1e7, "title": "B9", "text": "B9, 10 MB"},
                {"x": 2, "y": 1e9, "title": "B2", "text": "B2, 1 GB"},
            ],
        }
    ],
    "level": 1e8,
}
# 700 pixels wide: 62 to 686 for 16.8 units of φ, 384 up to 24 for three powers of ten.
X0, X2 = 62 + 624 * 6.4 / 16.8, 62 + 624 * 8.4 / 16.8


@pytest.mark.parametrize("part", ["readouts", "chart", "stages"])
def test_every_step_of_the_slider_is_found_by_its_words(part: str, script: Script) -> None:
    assert script(part, "step", [[reading(phi)] for phi in TENTHS]) == [*range(len(TENTHS))]
    assert script(part, "step", [["1.01"], ["-0.05"], ["9.99"], [None]]) == [None] * 4


def test_a_network_between_the_steps_is_shown_until_the_hand_moves(script: Script) -> None:
    between, variant = {"at": "1.01"}, {"at": None}
    cases = [("1.01", between), ("1.00", between), ("1.02", between), ("0.00", None)]
    assert script("chart", "shownStep", cases) == [None, 70, None, 60]
    assert script("chart", "shownStep", [(None, variant), ("-6.00", variant)]) == [None, 0]


def test_the_row_under_the_hand(script: Script) -> None:
    at = """(words, rest) => {
      document.body.innerHTML = words === null ? ""
        : `<p class="st-key-phi"><input type="range" aria-valuetext="${words}"></p>`;
      return held(["at −6", "at −5.9"], rest);
    }"""
    rest = {"at": "-5.90", "row": "rest"}
    cases = [("-6.00", None), ("-5.90", None), ("-6.00", rest), ("-5.90", rest), (None, rest)]
    assert script("readouts", at, cases) == ["at −6", "at −5.9", "at −6", "rest", "rest"]
    assert script("readouts", at, [(None, None), ("-5.95", None)]) == [None, None]


def test_numbers_are_written_as_python_writes_them(script: Script) -> None:
    chance = random.Random(4)
    values = [round(10 ** chance.uniform(0, 13)) for _ in range(3000)]
    values += [125 * step for step in range(800)] + [5000 * step for step in range(800)]
    values += [1_234_500 * 10**power for power in range(9, 13)]
    written = script("stages", "v => [amount(v, ''), amount(v, 'B'), count(v)]", [*zip(values)])
    assert written == [[count(value), size(value), count(value)] for value in values]


def test_shares_are_written_as_python_writes_them(script: Script) -> None:
    chance = random.Random(5)
    shares = [chance.random() for _ in range(1000)] + [step / 1600 for step in range(1601)]
    assert script("stages", "percent", [*zip(shares)]) == [f"{100 * s:.1f} %" for s in shares]


def test_ticks_are_written_in_three_digits_and_a_letter(script: Script) -> None:
    counts = {0: "0", 1: "1", 500: "500", 1e3: "1k", 2e5: "200k", 5e6: "5M", 2e9: "2B", 1e12: "1T"}
    small = {0.01: "0.01", -6: "−6", 3 * 0.1: "0.3", 1.5e6: "1.5M", 123_456: "123k"}
    sizes = {0: "0", 200: "200B", 5e3: "5kB", 1e8: "100MB", 2e9: "2GB", 1e13: "10TB"}
    for texts, unit in ((counts | small, ""), (sizes, "B")):
        assert script("chart", "tickText", [(v, unit) for v in texts]) == [*texts.values()]


def test_linear_ticks(script: Script) -> None:
    expected: dict[tuple[Range, int], list[float]] = {
        ((0, 10), 7): [0, 2, 4, 6, 8, 10],
        ((-6.4, 10.4), 10): [-6, -4, -2, 0, 2, 4, 6, 8, 10],
        ((-6.4, 10.4), 18): [*range(-6, 11)],
        ((-4e6, 9.9e7), 7): [0, 2e7, 4e7, 6e7, 8e7],
        ((0.3, 0.9), 7): [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        ((0, 7), 7): [*range(8)],
    }
    cases = [({"range": span, "logarithmic": False}, most) for span, most in expected]
    found = script("chart", "ticks", cases)
    assert found == [pytest.approx(values, abs=1e-9) for values in expected.values()]


def test_linear_ticks_are_the_multiples_of_the_smallest_round_step(script: Script) -> None:
    chance = random.Random(6)
    cases: list[tuple[dict[str, Any], float]] = []
    for _ in range(300):
        low = chance.uniform(-1, 1) * 10 ** chance.uniform(-2, 9)
        high = low + 10 ** chance.uniform(-2, 9)
        cases.append(({"range": (low, high), "logarithmic": False}, chance.uniform(3, 20)))
    for (axis, most), found in zip(cases, script("chart", "ticks", cases), strict=True):
        start, end = map(Fraction, axis["range"])
        steps = (Fraction(10) ** power * times for power in range(-6, 12) for times in (1, 2, 5))
        step = next(step for step in steps if (end - start) / step <= Fraction(most))
        expected = [i * step for i in range(math.ceil(start / step), math.floor(end / step) + 1)]
        assert found == pytest.approx([*map(float, expected)], rel=1e-9, abs=1e-9 * float(step))


def test_logarithmic_ticks(script: Script) -> None:
    expected: dict[Range, list[float]] = {
        (-2, 3.2): [0.01, 0.1, 1, 10, 100, 1000],
        (5.2, 6.9): [2e5, 5e5, 1e6, 2e6, 5e6],
        (0, 2): [1, 10, 100],
        (6.1, 6.2): [],
    }
    cases = [({"range": span, "logarithmic": True}, 7) for span in expected]
    found = script("chart", "ticks", cases)
    assert found == [pytest.approx(values) for values in expected.values()]


def test_logarithmic_ticks_are_those_within(script: Script) -> None:
    chance = random.Random(7)
    spans = [(low := chance.uniform(-3, 10), low + chance.uniform(0.3, 5)) for _ in range(300)]
    cases = [({"range": span, "logarithmic": True}, 7) for span in spans]
    for (low, high), found in zip(spans, script("chart", "ticks", cases), strict=True):
        within = (1, 2, 5) if high - low < 2 else (1,)
        every = (times * 10.0**power for power in range(-4, 17) for times in within)
        assert found == pytest.approx([v for v in every if 10**low <= v <= 10**high])


def test_values_fall_between_two_ends_of_the_page(script: Script) -> None:
    chance = random.Random(8)
    cases: list[tuple[dict[str, Any], float, float, float]] = []
    expected = []
    for _ in range(300):
        low, high = sorted(chance.uniform(-5, 10) for _ in range(2))
        ends, at = (chance.uniform(0, 900), chance.uniform(0, 900)), chance.uniform(-6, 12)
        logarithmic = chance.random() < 0.5
        axis = {"range": (low, high), "logarithmic": logarithmic}
        cases.append((axis, *ends, 10**at if logarithmic else at))
        expected.append(ends[0] + (at - low) * (ends[1] - ends[0]) / (high - low))
    placed = "(axis, from, to, value) => axisScale(axis, from, to)(value)"
    assert script("chart", placed, cases) == pytest.approx(expected)


def test_a_mark_has_its_place_on_the_chart(script: Script) -> None:
    expected: dict[tuple[float | None, float | None], list[float] | None] = {
        (-6.4, 1e6): [62, 384],
        (10.4, 1e9): [686, 24],
        (0, 1e7): [X0, 264],
        (2, 1e8): [X2, 144],
        (10.42, 1e7): [686 + 624 * 0.02 / 16.8, 264],  # less than a pixel outside
        (-6.42, 0.999e6): [62 - 624 * 0.02 / 16.8, 384 - 120 * math.log10(0.999)],
        (10.44, 1e7): None,
        (-6.44, 1e7): None,
        (2, 0.98e6): None,
        (2, 1.02e9): None,
        (2, 0): None,
        (2, None): None,
        (None, 1e7): None,
    }
    placed = "(mark, chart, width) => place(mark, plotted(chart, width))"
    cases = [({"x": x, "y": y}, CHART, 700) for x, y in expected]
    found = script("chart", placed, [*cases, (None, CHART, 700)])
    assert found == [v if v is None else pytest.approx(v) for v in (*expected.values(), None)]


def test_what_stands_still_on_a_chart(script: Script) -> None:
    drawn = """(chart, width) => {
      const frame = plotted(chart, width);
      const line = path(chart.lines[0], frame);
      return { grid: grid(chart, frame), still: still(chart, frame), line };
    }"""
    found = script("chart", drawn, [(CHART, 700)])[0]
    texts = {each["text"]: each for name, each in found["grid"] if name == "text"}
    across = ["−6", "−4", "−2", "0", "2", "4", "6", "8", "10"]
    assert [*texts] == [*across, "1MB", "10MB", "100MB", "1GB", "φ", "Memory"]
    assert [texts["2"]["x"], texts["2"]["y"]] == pytest.approx([X2, 402])
    assert [texts["100MB"]["x"], texts["100MB"]["y"]] == pytest.approx([54, 148])
    assert [texts["φ"]["x"], texts["φ"]["y"]] == [374, 422]
    assert texts["Memory"]["transform"] == "translate(14 204) rotate(-90)"
    levels = [each["d"] for name, each in found["grid"] if name == "path"]
    heights = (384, 264, 144, 24, 144)  # the ticks' and that of `level`
    assert levels == [f"M62 {height}.0H686" for height in heights]
    assert found["line"] == f"M{62 + 624 * 0.4 / 16.8:.1f} 384.0L{X0:.1f} 264.0L686.0 24.0"
    shapes = [each["transform"] for name, each in found["still"] if name == "path"]
    places = [map(float, one[len("translate(") : -1].split()) for one in shapes]
    assert [[*place] for place in places] == [pytest.approx([X0, 264]), pytest.approx([X2, 24])]
    names = [each for name, each in found["still"] if name == "text"]
    assert [(n["text"], n["x"], n["y"]) for n in names] == [("B0", pytest.approx(X0 + 6), 279)]


def test_the_tip_says_what_is_nearest(script: Script) -> None:
    near = """(point, chart, row) =>
      nearest(point, { chart, frame: plotted(chart, 700), rows: null, rest: { row } })"""
    beside, away = ({"x": x, "y": 1e7, "text": "chosen"} for x in (0.2, -3))
    said = {
        (X0 - 7, 264): "B0, 10 MB",
        (X0 - 13, 264): "B0, 10 MB",
        (X0 - 15, 264): "",
        (X2, 24 + 13.9): "B2, 1 GB",
        (X2, 24 + 14.1): "",
        (686, 30): "most",
        (400, 300): "",
    }
    assert script("chart", near, [((X0 + 1, 264), CHART, beside)]) == ["chosen"]
    assert script("chart", near, [(at, CHART, away) for at in said]) == [*said.values()]


def test_words_of_the_headline(script: Script) -> None:
    row = {"title": "φ = 1", "values": ["7.82 M", "0.7 B", "10 M", "20 MB"]}
    none = {"title": "φ = 9", "none": "Too large."}
    words = (
        "φ = 1: 7.82 M parameters, 0.7 B FLOPs, 10 M activations, 20 MB peak memory.",
        "φ = 9: Too large.",
    )
    assert script("readouts", "summary", [[row], [none]]) == [*words]
    cases = [(row, True), (none, True), (row, False), (none, False)]
    assert script("readouts", "sentence", cases) == ["", "Too large.", words[0], ""]
