"""Which bundled models make the paper's Figure 7."""

from __future__ import annotations

from typing import Any

import pytest

from effnet_core.errors import CheckpointError
from effnet_core.service.scaling_figure import STRATEGIES, scaling_figure

ORDER = ["baseline", *STRATEGIES]


def put_duel(bundled: Any, *, base_phi: float = -6.0, without: str = "", **record: Any) -> None:
    """Bundle the four networks of a duel from `base_phi`, but for one."""
    for strategy in STRATEGIES:
        if strategy != without:
            name = f"{strategy}{base_phi:g}-{record.get('seed', 0)}"
            fields = {"group": "duel", "strategy": strategy, "base_phi": base_phi, **record}
            bundled.put(name, name, **fields)


def test_five_networks_in_the_papers_order(bundled: Any) -> None:
    put_duel(bundled)
    bundled.put("base", "base", phi=-6.0)
    panels = scaling_figure()
    assert [panel.strategy for panel in panels] == ORDER
    assert [panel.model.id for panel in panels] == ["base", *(f"{s}-6-0" for s in STRATEGIES)]
    assert [panel.title for panel in panels][1:3] == ["Deeper", "Wider"]


@pytest.mark.parametrize("missing", ORDER)
def test_without_one_of_them_there_is_none(bundled: Any, missing: str) -> None:
    put_duel(bundled, without=missing)
    bundled.put("base", "base", phi=-5.0 if missing == "baseline" else -6.0)
    assert scaling_figure() == ()


def test_without_bundled_models_there_is_none(bundled: Any) -> None:
    assert scaling_figure() == ()


def test_networks_of_other_classes_make_none(bundled: Any) -> None:
    put_duel(bundled)
    bundled.put("base", "base", phi=-6.0, classes=("espresso", "orange", "lion", "barn"))
    assert scaling_figure() == ()


def test_an_ablation_is_no_baseline(bundled: Any) -> None:
    put_duel(bundled)
    bundled.put("base", "base", phi=-6.0, group="ablation")
    assert scaling_figure() == ()


def test_the_first_seed_is_taken_whatever_the_others_reached(bundled: Any) -> None:
    put_duel(bundled, seed=1)
    put_duel(bundled, seed=0)
    bundled.put("base", "base", phi=-6.0)
    assert [panel.model.id for panel in scaling_figure()][1:] == [f"{s}-6-0" for s in STRATEGIES]


def test_a_duel_that_is_not_whole_gives_way_to_one_that_is(bundled: Any) -> None:
    put_duel(bundled, base_phi=-6.0, without="width")
    put_duel(bundled, base_phi=-5.0)
    bundled.put("base", "base", phi=-5.0)
    bundled.put("lower", "lower", phi=-6.0)
    assert [panel.strategy for panel in scaling_figure()] == ORDER
    assert scaling_figure()[0].model.id == "base"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"group": "duel"}'])
def test_a_damaged_record_gets_a_sentence(bundled: Any, text: str) -> None:
    bundled.put("base", "base")
    (bundled.assets / "measured" / "runs" / "base.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"record of base cannot be read .* install"):
        scaling_figure()
