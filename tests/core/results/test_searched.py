"""Records of searches: read, judged, and compared with the paper's rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effnet_core.errors import InvalidInput
from effnet_core.results.searched import (
    AXES,
    on_surface,
    read_search,
    search_verdict,
    searches,
)
from effnet_core.results.seeds import grouped, paired
from tests.core.results.searches import put, record
from tests.core.results.test_trained import contender, runs_of


@pytest.fixture
def plain() -> dict[str, Any]:
    return record()


def test_a_record_is_read_with_its_best(plain: dict[str, Any], tmp_path: Path) -> None:
    put(tmp_path, plain)
    (found,) = searches(tmp_path)
    assert len(found.trials) == 15 and found.pruned == 5 and len(found.complete) == 10
    tops = [one["curve"][-1] for one in plain["trials"] if one["state"] == "complete"]
    assert found.best is not None and found.best.top1 == max(tops)
    assert found.spread_of_seeds is None or found.spread_of_seeds > 0
    rule = on_surface(found)
    assert rule.cost_factor == pytest.approx(found.cost_factor)
    assert np.log(rule.alpha) / np.log(rule.beta) == pytest.approx(np.log(1.2) / np.log(1.1))


def test_the_axis_that_decides_is_the_important_one(plain: dict[str, Any], tmp_path: Path) -> None:
    """The accuracy falls with depth alone: a parabola in ln α explains all of it."""
    for one in plain["trials"]:
        one["state"], log = "complete", np.log(one["rule"]["alpha"])
        one["curve"] = [float(0.5 - 0.1 * log + 0.03 * log**2)]
    found = read_search(put(tmp_path, plain))
    by_axis = {one.axis: one for one in found.importance}
    assert tuple(by_axis) == AXES
    assert by_axis["depth"].share == pytest.approx(1.0) and by_axis["depth"].error < 1e-6
    assert max(by_axis["width"].share, by_axis["resolution"].share) < 0.9
    assert by_axis["width"].error > 0.01


def test_few_trials_say_nothing_of_importance(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["trials"] = plain["trials"][:5]
    assert read_search(put(tmp_path, plain)).importance == ()


def test_the_spread_between_seeds_is_pooled(plain: dict[str, Any], tmp_path: Path) -> None:
    first, second = plain["trials"][:2]
    for one, top in ((first, 0.40), (second, 0.42)):
        one.update(state="complete", curve=[top], coefficients=first["coefficients"])
    plain["trials"] = [first, second]
    found = read_search(put(tmp_path, plain))
    assert found.spread_of_seeds == pytest.approx(np.std([0.40, 0.42], ddof=1))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sampler": "luck"}, "sampler"),
        ({"trials": [{"number": -1}]}, "trials"),
        ({"id": "other"}, "its id is 'other'"),
    ],
)
def test_a_damaged_record_is_a_sentence(
    plain: dict[str, Any], tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = put(tmp_path, plain)
    path.write_text(json.dumps({**plain, **change}), encoding="utf-8")
    with pytest.raises(InvalidInput, match=sentence):
        read_search(path)


def confirmed(tops: tuple[float, ...]) -> list[dict[str, Any]]:
    """Compound of the duel at 40, 41 and 42 %, and the best of a search."""
    paper = [
        contender("compound", top, seed, base_phi=-4.5, photos=1250)
        for seed, top in enumerate((0.40, 0.41, 0.42))
    ]
    best = [
        contender("compound", top, seed, base_phi=-4.5, photos=1250)
        | {"group": "search", "id": f"best-{seed}", "phi": None}
        for seed, top in enumerate(tops)
    ]
    return [*paper, *best]


@pytest.mark.parametrize(
    ("tops", "sentence"),
    [
        ((0.405, 0.415, 0.425), "cannot be told apart: they lie 0.50 points apart"),
        ((0.50, 0.51, 0.52), "is 10.00 points ahead of the paper's"),
        ((0.30, 0.31, 0.32), "is 10.00 points behind the paper's"),
        ((0.50,), "With one seed for either, nobody can tell"),
    ],
)
def test_the_best_is_judged_beside_the_papers_rule(
    plain: dict[str, Any], tmp_path: Path, tops: tuple[float, ...], sentence: str
) -> None:
    found = read_search(put(tmp_path, plain))
    verdict = search_verdict(grouped(runs_of(*confirmed(tops))), found)
    assert verdict is not None and sentence in verdict.sentence
    if len(tops) == 3:  # both spreads are 0.01: √(0.01²/3 + 0.01²/3)
        assert verdict.error == pytest.approx(0.01 * (2 / 3) ** 0.5)
    assert search_verdict(grouped(runs_of(*confirmed(tops)[:3])), found) is None


def test_differences_are_taken_seed_by_seed() -> None:
    runs = [contender("compound", 0.40 + 0.01 * seed, seed) for seed in range(3)]
    runs += [contender("depth", 0.35 + 0.02 * seed, seed) for seed in (0, 1)]
    compound, depth = grouped(runs_of(*runs))
    if compound.strategy != "compound":
        compound, depth = depth, compound
    found = paired(compound, depth)
    assert found is not None and found.seeds == 2
    assert found.difference == pytest.approx((0.05 + 0.04) / 2)
    assert found.error == pytest.approx(np.std([0.05, 0.04], ddof=1) / 2**0.5)
