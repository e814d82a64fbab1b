from __future__ import annotations

import subprocess
import sys
from collections import Counter
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from app.scale.network import Network
from app.text import count
from app.views.scale.headline import paper_claim
from effnet_core.architecture.families import find_family
from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.scaling import FAST_COMPOUND_RULE
from effnet_core.cost.report import analyze, summarize
from tests.app.reading import SCALE, component, healthy, opened, press, seen

open_page = partial(opened, SCALE)


def metrics(app: AppTest) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


def mark(app: AppTest, phi: float) -> tuple[str, float, float]:
    """What the mark stands at when the slider stands at `phi`."""
    given = component(app, "growth")
    row = given["rest"]["row"] if given["rest"] else given["rows"][round(10 * (phi + 6))]
    return row["title"], row["x"], row["y"]


def headings(app: AppTest) -> list[str]:
    return [heading.value.split(" :small")[0] for heading in app.subheader]


def test_the_page_opens_on_b0() -> None:
    app = open_page()
    totals = summarize(variant("b0"))
    assert metrics(app)["Parameters"] == (count(totals.params), "the same")
    assert metrics(app)["FLOPs (multiply-adds)"][0] == count(totals.mult_adds)
    assert not app.warning and not app.error


def test_moving_phi_moves_numbers_and_mark() -> None:
    app = open_page()
    healthy(app.slider(key="phi").set_value(2.5).run())
    totals = summarize(scaled(2.5))
    assert metrics(app)["Parameters"][0] == count(totals.params)
    assert mark(app, 2.5) == ("φ = 2.5", 2.5, totals.params)


def test_an_exact_phi_between_the_steps_can_be_typed() -> None:
    app = open_page(phi="1")
    assert not [box for box in app.number_input if box.label == "Exact φ"]  # folded: not made
    app.session_state["more"] = True
    healthy(app.run())
    box = next(box for box in app.number_input if box.label == "Exact φ")
    assert box.value == 1
    healthy(box.set_value(1.01).run())
    assert app.slider(key="phi").value == 1.01
    assert next(box for box in app.number_input if box.label == "Exact φ").value == 1.01
    assert metrics(app)["Parameters"][0] == count(summarize(scaled(1.01)).params)


def test_a_url_opens_the_same_state() -> None:
    app = open_page(
        phi="1.5", strategy="width", alpha="1.1", repeats="nearest", classes="10", y="Blocks"
    )
    network = Network(phi=1.5, strategy="width", alpha=1.1, repeats="nearest", classes=10)
    totals = summarize(network.spec())
    assert metrics(app)["Parameters"][0] == count(totals.params)
    assert mark(app, 1.5) == ("φ = 1.5, width only", 1.5, totals.blocks)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"phi": "abc"}, "“abc”"),
        ({"phi": "99"}, "“99”"),
        ({"alpha": "-1"}, "“-1”"),
        ({"base": "7"}, "“7”"),
        ({"strategy": "sideways"}, "“sideways”"),
        ({"variant": "b99", "network": "published"}, "“b99”"),
        ({"show": "Nothing"}, "“Nothing”"),
        ({"show": "Why B1 is not φ = 1", "beside": "v2-s"}, "“v2-s”"),
        ({"show": "Architecture", "stage": "99"}, "“99”"),
        ({"show": "Architecture", "stage": "2", "block": "77"}, "“77”"),
        ({"a": "b99"}, "No EfficientNet is called 'b99'"),
        ({"a": "phi=<script>"}, "“<script>”"),
    ],
)
def test_bad_values_get_a_sentence_and_the_page_still_shows_b0(
    parameters: dict[str, str], said: str
) -> None:
    app = open_page(**parameters)
    assert said in " ".join(seen(warning) for warning in app.warning)
    assert metrics(app)["Parameters"] == ("5.29 M", "the same")


@pytest.mark.parametrize(("alpha", "warned"), [(1.2, False), (2.0, True), (0.7, True)])
def test_a_product_far_from_two_is_warned_of_with_its_number(alpha: float, warned: bool) -> None:
    app = open_page()
    healthy(app.slider(key="alpha").set_value(alpha).run())
    factor = alpha * 1.1**2 * 1.15**2
    sentences = [seen(warning) for warning in app.warning]
    assert bool(sentences) == warned
    if warned:
        assert f"α·β²·γ² is {factor:.2f}" in sentences[0]


@pytest.mark.parametrize("family", ["lite", "v2-b"])
def test_a_family_scales_under_the_same_controls(family: str) -> None:
    app = open_page(family=family, phi="1.5")
    held = find_family(family)
    totals = summarize(scaled(1.5, family=held))
    assert metrics(app)["Parameters"][0] == count(totals.params)
    assert metrics(app)["FLOPs (multiply-adds)"][0] == count(totals.mult_adds)
    assert mark(app, 1.5) == (f"{family.title()} φ = 1.5", 1.5, totals.params)
    press(app, "Pin this network as A")
    assert app.text_input(key="a").value == f"phi=1.5,family={family}"
    assert metrics(app)["Parameters"][1] == "the same"
    healthy(app.slider(key="phi").set_value(-2.0).run())
    assert metrics(app)["Parameters"][0] == count(summarize(scaled(-2, family=held)).params)


@pytest.mark.parametrize(
    ("family", "one", "blocks"), [("lite", "Lite1", (16, 21)), ("v2-b", "V2-B1", (21, 27))]
)
def test_the_reconciler_sets_a_family_beside_its_own_formula(
    family: str, one: str, blocks: tuple[int, int]
) -> None:
    app = open_page(family=family, show="Why B1 is not φ = 1", phi="3")
    assert f"Why {one} is not {family.title()} φ = 1" in headings(app)
    said = " ".join(markdown.value for markdown in app.markdown)
    formula = summarize(scaled(1, family=find_family(family)))
    assert f"**{count(formula.params)}**" in said
    assert f"**{count(summarize(variant(one.lower())).params)}**" in said
    assert f"from {blocks[0]} to {blocks[1]} blocks" in said
    press(app, "Show φ = 0.01")
    assert app.slider(key="phi").value == 0.01
    jumped = summarize(scaled(0.01, family=find_family(family)))
    assert metrics(app)["Parameters"][0] == count(jumped.params)


def test_a_variant_of_another_family_cannot_be_set_beside_this_one() -> None:
    app = open_page(show="Why B1 is not φ = 1", beside="lite2")
    assert "“lite2”" in " ".join(seen(warning) for warning in app.warning)
    app = open_page(show="Why B1 is not φ = 1", beside="b4", family="v1")
    assert "What rounding did to B4" in headings(app)
    healthy(app.segmented_control(key="family").set_value("lite").run())
    assert "What rounding did to Lite1" in headings(app) and not app.warning


def test_presets_set_the_rule_and_reset_it() -> None:
    app = open_page(phi="2")
    press(app, "Fast compound")
    assert app.slider(key="beta").value == FAST_COMPOUND_RULE.beta
    fast = summarize(scaled(2, rule=FAST_COMPOUND_RULE))
    assert metrics(app)["Parameters"][0] == count(fast.params)
    press(app, "Reset to the paper")
    assert [app.slider(key=key).value for key in ("alpha", "beta", "gamma")] == [1.2, 1.1, 1.15]


def test_a_published_variant_is_not_the_formula() -> None:
    app = open_page(network="published", variant="b1")
    assert metrics(app)["Parameters"][0] == "7.79 M"
    assert metrics(open_page(phi="1"))["Parameters"][0] == "9.11 M"


def test_the_papers_own_figures_stand_beside_the_computed_ones() -> None:
    said = [caption.value for caption in open_page(network="published", variant="b4").caption]
    assert any("19 M parameters, 4.2 B FLOPs and 82.9 % top-1" in caption for caption in said)
    assert paper_claim("lite0") is None and paper_claim(None) is None


@pytest.mark.parametrize("name", ["lite0", "v2-b0", "v2-s", "l2"])
@pytest.mark.parametrize("tab", ["Growth", "Architecture", "Against A"])
def test_every_family_opens_in_every_tab(name: str, tab: str) -> None:
    app = open_page(network="published", variant=name, show=tab)
    assert metrics(app)["Parameters"][0] == count(summarize(variant(name)).params)


def test_pinning_a_makes_it_the_measure() -> None:
    app = open_page(phi="2")
    press(app, "Pin this network as A")
    assert app.text_input(key="a").value == "phi=2.0"
    assert metrics(app)["Parameters"][1] == "the same"
    healthy(app.slider(key="phi").set_value(3.0).run())
    ratio = summarize(scaled(3)).params / summarize(scaled(2)).params
    assert metrics(app)["Parameters"][1] == f"×{ratio:.3g}"


def test_against_a_lists_every_quantity() -> None:
    app = open_page(phi="1", show="Against A", a="b4")
    totals, stages = app.table
    rows = totals.value.set_index("Quantity")
    assert rows.loc["Blocks", "A: B4"] == "32"
    assert rows.loc["Blocks", "φ = 1"] == str(len(scaled(1).blocks))
    assert list(stages.value["Stage"]) == ["stem", *"1234567", "head"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"phi": "10", "strategy": "depth"}, "blocks"), ({"phi": "-6", "gamma": "3"}, "Resolution")],
)
def test_an_impossible_network_gets_a_way_out_and_the_curves_stay(
    settings: dict[str, str], reason: str
) -> None:
    app = open_page(**settings)
    said = seen(app.error[0])
    assert reason in said and "Traceback" not in said
    assert [tab.label for tab in app.tabs][:2] == ["Growth", "Same cost, four ways"]
    assert component(app, "growth")["chart"]["lines"] and component(app, "ratio")["chart"]["lines"]
    nearest = float(said.rsplit(" is ", 1)[1].rstrip(".").replace("−", "-"))
    healthy(app.slider(key="phi").set_value(nearest).run())
    assert not app.error and metrics(app)


@pytest.mark.parametrize("tab", ["Architecture", "Against A", "Verify and download"])
def test_a_part_that_needs_a_network_says_that_there_is_none(tab: str) -> None:
    app = open_page(phi="10", strategy="depth", show=tab)
    assert "no network" in app.info[0].value


def test_the_reconciler_needs_no_network() -> None:
    app = open_page(phi="10", strategy="depth", show="Why B1 is not φ = 1")
    assert "Why B1 is not φ = 1" in headings(app)


def test_choosing_a_stage_shows_its_blocks_and_a_block_its_inside() -> None:
    app = open_page(show="Architecture", stage="4")
    assert "Stage 4: its blocks" in headings(app)
    assert len(app.dataframe[0].value) == 3
    healthy(app.selectbox(key="block").set_value("2").run())
    assert "Stage 4, block 2: its inside" in headings(app)
    inside = next(h.proto.body for h in app.get("html") if 'class="steps"' in h.proto.body)
    steps = ("Expand", "Depthwise", "Squeeze-and-excitation", "Project")
    places = [inside.index(f">{step}</h4>") for step in steps]
    assert places == sorted(places)
    layers = analyze(variant("b0")).block_layers(4, 1)
    depthwise = sum(layer.params for layer in layers if layer.role == "depthwise")
    assert count(depthwise) in inside


def test_a_block_that_the_next_network_lacks_falls_back_to_its_stage() -> None:
    app = open_page(phi="3", show="Architecture", stage="4", block="5")
    healthy(app.slider(key="phi").set_value(0.0).run())
    assert "Stage 4: its blocks" in headings(app)


def test_the_stage_table_is_the_papers_with_receptive_fields() -> None:
    app = open_page(show="Architecture")
    assert component(app, "picture")["table"]
    given = component(app, "steps")["networks"]
    place, report = given["titles"].index("φ = 0"), analyze(variant("b0"))
    parts = [part for part in given["parts"] if part["times"][place]]
    last = {part["stage"]: part for part in parts}
    channels = [part["channels"][place] for part in last.values()]
    assert channels == [32, 16, 24, 40, 80, 112, 192, 320, 1280]
    blocks = Counter[int]()
    for part in parts:
        blocks[part["stage"]] += part["times"][place]
    assert list(blocks.values()) == [1, 1, 2, 2, 3, 3, 4, 1, 1]
    fields = [stage["receptive_field"][place] for stage in given["stages"]]
    assert fields == [stage.receptive_field for stage in report.stages]


def test_the_reconciler_explains_b1() -> None:
    app = open_page(show="Why B1 is not φ = 1")
    said = " ".join(markdown.value for markdown in app.markdown)
    assert "**9.11 M**" in said and "**7.79 M**" in said
    axes = app.table[0].value.set_index("Axis")
    assert list(axes["φ it implies"]) == ["0.52", "0", "0.49"]
    assert "from 16 to 23 blocks" in said
    press(app, "Show φ = 0.01")
    assert app.slider(key="phi").value == 0.01


def test_the_origin_of_the_factors_is_told() -> None:
    said = " ".join(markdown.value for markdown in open_page().markdown)
    assert "small grid search" in said and "random search" in said


def test_every_chart_has_words_for_it() -> None:
    app = open_page()
    assert all(len(component(app, key)["alt"]) > 40 for key in ("growth", "ratio"))
    charts = open_page(show="Why B1 is not φ = 1").get("plotly_chart")
    assert charts
    assert all(len(chart.proto.alt) > 40 for chart in charts)


def test_the_first_page_imports_no_torch() -> None:
    program = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app/main.py', default_timeout=60).run()\n"
        "assert app.metric and not app.exception\n"
        "print(sorted({'torch', 'torchvision', 'captum', 'fvcore'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
