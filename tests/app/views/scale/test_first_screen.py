"""The first screen of Scale: four figures with their curves, the rule, and what A is."""

from __future__ import annotations

from functools import partial

import pytest

from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.cost.report import summarize
from tests.app.reading import SCALE, component, html, opened, press, seen

open_page = partial(opened, SCALE)


def test_nothing_is_said_of_a_while_nothing_is_pinned() -> None:
    app = open_page()
    assert 'class="facts alone same"' in html(app)  # what the style sheet hides "the same" by
    legend = [group["name"] for group in component(app, "growth")["chart"]["marks"]]
    assert legend == ["published"]
    assert component(open_page(show="Architecture"), "picture")["beside"] is None
    app = open_page(a="phi=2.0,strategy=depth")
    assert 'class="facts same"' not in html(app) and 'class="facts"' in html(app)
    legend = [group["name"] for group in component(app, "growth")["chart"]["marks"]]
    assert legend == ["published", "A: φ = 2, depth only"]
    said = [seen(markdown) for markdown in app.markdown]
    assert "Compared with A: **φ = 2, depth only**" in said  # not its code
    press(app, "Unpin")
    assert 'class="facts alone same"' in html(app)


def test_a_rule_of_ones_own_is_named_and_the_papers_line_stays_as_a_ghost() -> None:
    app = open_page(phi="1", alpha="1.3", beta="1.05", gamma="1.2")
    assert any("φ = 1 · α 1.30 β 1.05 γ 1.20 (yours)" in m.value for m in app.markdown)
    rule = ScalingRule(1.3, 1.05, 1.2)
    built = summarize(scaled(1, rule=rule)).mult_adds / summarize(scaled(0)).mult_adds
    said = " ".join(map(seen, app.caption))
    assert f"on paper ×2.06, as built from φ 0 to 1: ×{built:.2f}" in said
    assert f"{built:.2f}" == "2.58" and "roughly doubles" not in said
    for key in ("growth", "curve-params", "curve-flops", "ratio"):
        ghosts = [line for line in component(app, key)["chart"]["lines"] if line["ghost"]]
        assert len(ghosts) == 1, key
    ghost = next(x for x in component(app, "growth")["chart"]["lines"] if x["ghost"])
    assert ghost["y"][ghost["x"].index(1.0)] == summarize(scaled(1)).params
    usual = component(open_page(phi="1"), "growth")["chart"]["lines"]
    assert not any(line["ghost"] for line in usual)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("params", "params"),
        ("flops", "mult_adds"),
        ("activations", "activations"),
        ("peak", "peak_activation_bytes"),
    ],
)
def test_every_figure_has_its_own_curve(key: str, field: str) -> None:
    given = component(open_page(phi="1"), f"curve-{key}")
    chart = given["chart"]
    assert chart["small"] and len(chart["lines"]) == 4
    lines = {line["name"]: dict(zip(line["x"], line["y"], strict=True)) for line in chart["lines"]}
    for strategy in ("compound", "width"):
        exact = getattr(summarize(scaled(2, strategy=strategy)), field)
        assert lines[f"{strategy} scaling"][2.0] == exact
    assert [mark["title"] for mark in chart["marks"][0]["marks"]] == [f"B{n}" for n in range(9)]
    assert given["rows"][70]["y"] == getattr(summarize(scaled(1)), field)
