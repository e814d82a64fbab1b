"""Trained here: photos apart by their classes, the duel seed by seed, and a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.charts.search import figure
from effnet_core.results.searched import read_search
from tests.app.reading import COMPARE, healthy, opened
from tests.app.views.compare.test_trained import FOUR, REAL, put, words
from tests.core.results import searches

PART = {"view": "Trained here"}


def put_25(folder: Path, identity: str, top1: float, **changes: Any) -> None:
    """A run on 25 classes."""
    put(folder, identity, top1, spec=REAL["spec"] | {"num_classes": 25}, **changes)


def put_experiment(folder: Path) -> None:
    put(folder, "tiny100-phi-4", 0.4)
    for name in FOUR:
        for seed in (0, 1, 2):
            top = (0.40 if name == "compound" else 0.38) + 0.01 * seed
            own = {"group": "duel", "strategy": name, "base_phi": -4.5, "phi": None}
            put_25(folder, f"{name}-{seed}", top, seed=seed, **own)
    whole = {"strategy": "compound", "base_phi": -4.5, "phi": None}
    put_25(folder, "without-augmentation", 0.35, group="ablation", **whole)
    searches.put(folder / "search", searches.record())


def tables(app: AppTest) -> list[Any]:
    return [one.value for one in app.dataframe]


def test_photos_of_other_classes_never_share_an_axis(measured_folder: Path) -> None:
    put_experiment(measured_folder)
    app = healthy(opened(COMPARE, **PART))
    assert "25 classes: guessing is right 4.0 %" in words(app)
    app = healthy(opened(COMPARE, **PART, classes_trained="100 classes"))
    assert "100 classes: guessing is right 1.0 %" in words(app)
    assert "A search for" not in words(app)


def test_the_duel_is_told_seed_by_seed(measured_folder: Path) -> None:
    put_experiment(measured_folder)
    app = healthy(opened(COMPARE, **PART))
    table = next(one for one in tables(app) if "Compound less" in one)
    rows = {row["Compound less"]: row for _, row in table.iterrows()}
    assert rows["depth only"]["Points"] == "+2.00" and rows["depth only"]["Seeds"] == 3
    assert rows["depth only"]["± error"] == "0.00"
    assert rows["without-augmentation"]["Points"] == "+5.00"
    assert rows["without-augmentation"]["Seeds"] == 1


def test_a_search_shows_every_trial_its_best_and_a_way_to_scale(measured_folder: Path) -> None:
    put_experiment(measured_folder)
    app = healthy(opened(COMPARE, **PART))
    told = words(app)
    assert "15 trials by TPE on the surface α·β²·γ² = 1.94, 10 of them trained to the end" in told
    assert "It was not trained anew beside the paper's rule." in told
    links = [one.proto for one in app.get("page_link")]
    rule = next(one for one in links if one.label == "Use this rule")
    assert "alpha=1." in rule.query_string and "gamma=1." in rule.query_string
    table = next(one for one in tables(app) if "Trial" in one)
    assert len(table) == 15 and set(table["State"]) == {"complete", "pruned"}


def test_the_surface_marks_what_was_pruned_and_the_best(tmp_path: Path) -> None:
    found = read_search(searches.put(tmp_path, searches.record()))
    chart = figure.surface(found)
    traces = {trace.name: trace for trace in chart.data}
    assert len(traces["pruned"].x) == 5 and len(traces["trained to the end"].x) == 10
    assert max(traces["trained to the end"].marker.color) == pytest.approx(
        100 * (found.best.top1 or 0) if found.best else 0
    )
    for trace in (traces["pruned"], traces["trained to the end"]):  # below the line where γ is 1
        for alpha, beta in zip(trace.x, trace.y, strict=True):
            assert alpha * beta**2 <= found.cost_factor * (1 + 1e-9)
