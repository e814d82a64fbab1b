"""Several maps side by side, run without a browser."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.text import minus, percent, unbroken
from effnet_core.architecture.names import scaled
from effnet_core.attribution.likeness import likeness
from effnet_core.images.samples import load_sample
from effnet_core.network.build import build
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService
from effnet_core.weights import WeightsStore, save_checkpoint
from tests.app.reading import alts, html, opened
from tests.app.views.explain.test_page import SCRIPT

open_page = partial(opened, SCRIPT)
CLASSES = ("one", "two", "three", "four")


@pytest.fixture
def pair(empty_store: Path, tmp_path: Path) -> tuple[str, str]:
    """Two random networks of the same classes that see 64 and 96 pixels."""
    for seed, (name, side) in enumerate((("small", 64), ("large", 96))):
        file = tmp_path / f"{name}.safetensors"
        spec = scaled(-4.0, num_classes=len(CLASSES), resolution=side)
        save_checkpoint(file, build(spec, seed=seed), classes=CLASSES)
        WeightsStore().import_file(file, name=name)
    return "small", "large"


def ends(app: AppTest) -> set[str]:
    """The largest values of the cards' colour bars."""
    bars = re.findall(r'class="colour-bar">.*?</div>', html(app))
    return {re.findall("<span>([^<]*)</span>", bar)[-1] for bar in bars}


def written(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def test_all_models_explain_the_first_one_s_class_on_one_scale(pair: tuple[str, str]) -> None:
    app = open_page(model=list(pair), picture="Coffee")
    service = InferenceService(WeightsStore())
    photo = load_sample("coffee")
    top = service.classify(ClassifyRequest(photo, "small")).top[0]
    drawn = [alt for alt in alts(app) if alt.startswith("Grad-CAM of") and " by " in alt]
    assert len(drawn) == 2 and all(f"“{top.label}”" in alt for alt in drawn)
    maps = [
        service.explain(ExplainRequest(image=photo, weights=name, class_index=top.index))
        for name in pair
    ]
    most = max(each.attribution.high for each in maps)
    assert ends(app) == {written(most)}
    found = likeness(
        maps[0].attribution.raw,
        maps[1].attribution.raw,
        *(each.prediction.crop_box for each in maps),
    )
    said = f"Overlap {unbroken(percent(found.overlap))}, rank correlation "
    assert said + minus(found.rank_correlation) in html(app)
    own = open_page(model=list(pair), picture="Coffee", across="Each its own")
    assert ends(own) == {written(each.attribution.high) for each in maps}


def test_one_map_is_compared_with_none(pair: tuple[str, str]) -> None:
    app = open_page(model="small", picture="Coffee")
    assert "Overlap" not in html(app) and "across" not in app.session_state
