"""What the scripts of `app.live` compute for the picture and the stage table, in Chromium."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app.live import networks
from app.live.steps import to_json
from app.scale.network import FAMILY, Load, Network
from app.scale.pricing import TENTHS
from app.text import count
from app.views.scale.architecture import SHADES
from effnet_core.architecture.names import variant
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.cost.report import CostReport, analyze
from effnet_core.errors import InvalidInput

pytestmark = pytest.mark.browser

Script = Callable[[str, str, Sequence[Any]], Any]
# side, channels and mult-adds of each part of a made-up network, and of one that is not there
PARTS = (
    (0, 1, 16, 16, 100),
    (1, 1, 4, 16, 50),
    (1, 2, 4, 16, 40),
    (2, 1, 9, 8, 200),
    (2, 0, 9, 8, 200),
    (3, 1, 64, 8, 170),
)


def made_up(side: int = 32) -> dict[str, Any]:
    """Two networks as columns: the first is none, the second has stem, two stages and head."""
    return {
        "titles": ["none", "small"],
        "side": [0, side],
        "stages": [
            {"name": name, "operator": "MBConv", "stride": 1, "receptive_field": [0, field]}
            for name, field in (("stem", 3), ("1", 7), ("2", 15), ("head", 15))
        ],
        "parts": [
            {
                "stage": stage,
                "times": [0, times],
                "channels": [0, channels],
                "side": [0, side],
                "counts": [[0, 1], [0, mult_adds], [0, 3], [0, 4]],
            }
            for stage, times, channels, side, mult_adds in PARTS
        ],
    }


CHOICE = {
    "metric": 1,
    "label": "FLOPs",
    "unit": "",
    "chosen": [1, None],
    "shades": ["#000000", "#ff8000"],
    "stepped_back": 0.8,
    "outline": "red",
}
# from left to right: the root of the channels, 13 between stages, 0.8 between blocks
ENDS = [(0, 4), (17, 19), (19.8, 21.8), (22.6, 24.6), (37.6, 40.6), (53.6, 61.6)]
WIDTH = 1.02 * 61.6 * 10  # pixels, so that one unit is ten of them
DRAWN = """(networks, choice, width, beside) =>
  picture(networkAt(networks, 1), beside && networkAt(beside, 1), choice, width)"""


def test_a_slab_is_as_tall_as_its_map_and_as_thick_as_the_root_of_its_channels(
    script: Script,
) -> None:
    drawn = script("stages", DRAWN, [(made_up(), CHOICE, WIDTH, None)])[0]
    assert [(slab["left"], slab["right"]) for slab in drawn["shown"]] == [
        pytest.approx(ends) for ends in ENDS
    ]
    blocks = [(slab["stage"], slab["block"]) for slab in drawn["shown"]]
    assert blocks == [(0, None), (1, 0), (1, 1), (1, 2), (2, 0), (3, None)]
    places = [(slab["x"], slab["width"]) for slab in drawn["slabs"]]
    assert places == [pytest.approx((10 * a + 6.16, 10 * (b - a))) for a, b in ENDS]
    tall, half = (62, 284), (133, 142)  # of 400 pixels, 62 are kept above and 54 below
    assert [(s["y"], s["height"]) for s in drawn["slabs"]] == [*[tall] * 4, half, half]
    assert [slab["opacity"] for slab in drawn["slabs"]] == [0.8, 1, 1, 1, 0.8, 0.8]
    colours = ["128,64,0", "64,32,0", "51,26,0", "51,26,0", "255,128,0", "217,109,0"]
    assert [slab["fill"] for slab in drawn["slabs"]] == [f"rgb({each})" for each in colours]
    assert drawn["beside"] == []


def test_the_chosen_stage_is_framed_and_the_names_stand_above(script: Script) -> None:
    drawn = script("stages", DRAWN, [(made_up(), CHOICE, WIDTH, None)])[0]
    single = drawn["single"]
    place = [single["frame"][name] for name in ("x", "y", "width", "height")]
    assert place == pytest.approx([156.16, 204 - 0.53 * 284, 116, 1.06 * 284])
    assert single["frame"]["style"] == "stroke: red"
    assert single["title"] == {"text": "small", "x": WIDTH - 4, "y": pytest.approx(289.2)}
    assert single["other-title"]["text"] == ""
    assert single["most"] == {"text": "200"} and single["colours"] == {"text": "FLOPs of a block"}
    texts = [(label["text"], label["y"]) for label in drawn["labels"]]
    assert texts == [("stem", 44), ("16²", 56), ("1", 44), ("2", 44), ("8²", 56), ("head", 44)]
    centres = [2, 2, 20.8, 39.1, 39.1, 57.6]
    assert [label["x"] for label in drawn["labels"]] == pytest.approx(
        [10 * centre + 6.16 for centre in centres]
    )


def test_a_name_too_near_to_the_last_is_lifted(script: Script) -> None:
    columns = made_up()
    columns["parts"][-1]["side"] = [0, 4]
    drawn = script("stages", DRAWN, [(columns, CHOICE, WIDTH / 10, None)])[0]
    assert [(label["text"], label["y"]) for label in drawn["labels"]] == [
        *(("stem", 44), ("16²", 56)),
        ("1", 32),  # 18.8 pixels after the stem's, and no side below it
        *(("2", 44), ("8²", 56)),
        *(("head", 20), ("4²", 32)),
    ]


def test_a_network_beside_is_drawn_below_at_the_same_scale(script: Script) -> None:
    other = made_up()
    other["titles"] = ["none", "wide"]
    for part in other["parts"]:
        part["side"], part["channels"] = [0, 8], [0, 4 * part["channels"][1]]
    right = 2 * sum(b - a for a, b in ENDS) + 3 * 13 + 2 * 0.8
    drawn = script("stages", DRAWN, [(made_up(), CHOICE, 1.02 * right, other)])[0]
    up = 284 / (16 + 0.15 * 16 + 8)
    shown, beside = drawn["slabs"][0], drawn["beside"]
    assert (shown["y"], shown["height"]) == pytest.approx((62, 16 * up))
    below = pytest.approx((62 + 18.4 * up, 8 * up))
    assert [(slab["y"], slab["height"]) for slab in beside] == [below] * 6
    assert beside[-1]["x"] + beside[-1]["width"] == pytest.approx(1.01 * right)
    title = drawn["single"]["other-title"]
    assert (title["text"], title["y"]) == ("A: wide", pytest.approx(62 + 22.4 * up + 36))


@pytest.mark.parametrize(
    ("chosen", "clear", "style"),
    [
        ([None, None], [1] * 6, "display: none"),
        ([1, 2], [0.8] * 3 + [1] + [0.8] * 2, "stroke: red"),
        ([3, None], [0.8] * 5 + [1], "stroke: red"),
    ],
)
def test_what_is_not_chosen_steps_back(
    chosen: list[int | None], clear: list[float], style: str, script: Script
) -> None:
    drawn = script("stages", DRAWN, [(made_up(), CHOICE | {"chosen": chosen}, 700, None)])[0]
    assert [slab["opacity"] for slab in drawn["slabs"]] == clear
    assert drawn["single"]["frame"]["style"] == style


def test_a_colour_lies_between_its_neighbours(script: Script) -> None:
    chance = random.Random(9)
    shares = [0, 0.25, 0.5, 0.75, 1, 1.5] + [chance.random() for _ in range(300)]
    expected = []
    for share in shares:
        low = min(int(4 * share), 3)
        pair = [bytes.fromhex(shade[1:]) for shade in SHADES[low : low + 2]]
        part = min(4 * share, 4) - low
        mixed = (math.floor(a + (b - a) * part + 0.5) for a, b in zip(*pair, strict=True))
        expected.append(f"rgb({','.join(map(str, mixed))})")
    assert expected[:2] == ["rgb(58,111,152)", "rgb(42,138,140)"]
    assert script("stages", "shade", [(share, SHADES) for share in shares]) == expected


def test_words_of_a_slab_and_of_the_picture(script: Script) -> None:
    slab: dict[str, int | None] = {"channels": 24, "side": 56, "value": 1_500_000}
    cases = [
        (slab | {"stage": stage, "block": block}, {"unit": unit, "label": label})
        for stage, block, unit, label in (
            (0, None, "", "FLOPs"),
            (4, 1, "B", "peak memory"),
            (8, None, "", "FLOPs"),
        )
    ]
    assert script("stages", "slabWords", cases) == [
        "stem\n24 channels, 56×56\n1.50 M FLOPs",
        "stage 4, block 2\n24 channels, 56×56\n1.50 MB peak memory",
        "head\n24 channels, 56×56\n1.50 M FLOPs",
    ]
    columns = made_up()
    columns["parts"][0]["side"] = [0, 20]
    one = script("stages", "networkAt", [(columns, 1)])[0]
    assert [part["times"] for part in one["parts"]] == [1, 1, 2, 1, 1]
    assert script("stages", "told", [(one,)]) == [
        "small from its stem at 20 pixels a side to its head at 8, 4 blocks. "
        "Stage 2 takes most of the FLOPs: 33.3 %."
    ]
    assert script("stages", "networkAt", [(made_up(), 0), (None, 0)]) == [None, None]


SEEN = """(networks, place) => {
  const one = networkAt(networks, place);
  return one && { rows: tableRows(one), shown: slabs(one, 3), told: told(one) };
}"""


@pytest.mark.parametrize(
    "formula",
    [
        *(Network(strategy=strategy) for strategy in STRATEGIES),
        *(Network(family=family) for family in FAMILY.options[1:]),
    ],
    ids=lambda formula: f"{formula.family} {formula.strategy}",
)
def test_table_and_slabs_of_the_formula_are_those_counted_layer_by_layer(
    formula: Network, script: Script
) -> None:
    columns = json.loads(to_json(networks.at_every_step(formula, Load())))
    chance = random.Random(formula.code)
    places = [0, 60, *chance.sample(range(95), 6), 160]
    found = script("stages", SEEN, [(columns, place) for place in places])
    for place, seen in zip(places, found, strict=True):
        network = formula.at(TENTHS[place])
        try:
            require(seen, analyze(network.spec()))
        except InvalidInput:
            assert seen is None


@pytest.mark.parametrize("name", ["b4", "lite4", "v2-s"])
def test_table_and_slabs_of_a_variant(name: str, script: Script) -> None:
    report = analyze(variant(name))
    columns = json.loads(to_json(networks.of_report(name, report)))
    require(script("stages", SEEN, [(columns, 0)])[0], report)


def require(seen: dict[str, Any], report: CostReport) -> None:
    """The browser shows of a network what was counted layer by layer."""
    total = report.totals.mult_adds
    last = len(report.stages) - 1
    assert seen["rows"] == [
        [
            "stem" if number == 0 else "head" if number == last else str(number),
            stage.title,
            f"{stage.in_shape[1]}²",
            str(stage.out_shape[0]),
            str(stage.repeats),
            str(stage.receptive_field),
            count(stage.params),
            count(stage.mult_adds),
            pytest.approx(stage.mult_adds / total),
            count(stage.activations),
            str(stage.stride),
        ]
        for number, stage in enumerate(report.stages)
    ]
    drawn = [
        (slab["stage"], slab["block"], slab["channels"], slab["side"], slab["value"])
        for slab in seen["shown"]
    ]
    assert drawn == [
        (part.stage, part.block, *part.out_shape[:2], part.peak_activation_bytes)
        for part in report.parts
    ]
    most = max(report.stages[1:-1], key=lambda stage: stage.mult_adds)
    number = report.stages.index(most)
    assert f", {len(report.spec.blocks)} blocks. Stage {number} takes most" in seen["told"]
    assert seen["told"].endswith(f"{100 * most.mult_adds / total:.1f} %.")


def test_stages_of_both_networks_begin_at_one_place(script: Script) -> None:
    """They lie under each other, though those of one network are wider."""
    other = made_up()
    for part in other["parts"]:
        part["channels"] = [0, (9 if part["stage"] == 2 else 1) * part["channels"][1]]
    drawn = script("stages", DRAWN, [(made_up(), CHOICE, WIDTH, other)])[0]
    stages = [slab["stage"] for slab in drawn["shown"]]
    first = [stages.index(stage) for stage in range(4)]
    shown, beside = drawn["slabs"], drawn["beside"]
    assert [shown[place]["x"] for place in first] == pytest.approx(
        [beside[place]["x"] for place in first]
    )
    widths = [slab["width"] for slab in beside]
    assert beside[first[3]]["x"] > shown[first[2]]["x"] + widths[first[2]]
