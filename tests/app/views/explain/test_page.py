"""Explain, run without a browser."""

from __future__ import annotations

import io
import itertools
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1.element_tree import Element

from app import models, pictures
from app.views.classify import intake, page
from app.views.compare import line
from app.views.compare import page as compare
from app.views.explain import controls, targets
from app.views.explain.files import npy, npz, png
from app.views.scale import architecture
from app.views.scale import page as scale
from effnet_core.attribution import METHODS
from effnet_core.attribution.render import overlay
from effnet_core.engines.predictor import Predictor
from effnet_core.images.samples import load_sample
from effnet_core.results.trained import packaged_maps
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService
from effnet_core.weights import DEFAULT, WeightsStore
from tests.app.reading import alts, downloads, healthy, html, opened

# The first address of Explain is its own, the second is where links and the carried picture lead.
SCRIPT = """
import streamlit as st
from app.views.classify import page as classify
from app.views.explain import page as explain
st.navigation([
    st.Page(explain.render, url_path="start", default=True),
    st.Page(explain.render, url_path="explain"),
    st.Page(classify.render, url_path="classify"),
]).run()
"""
open_page = partial(opened, SCRIPT)
CHEAP = {
    "integrated-gradients.steps": "4",
    "occlusion.window": "32",
    "occlusion.stride": "32",
    "saliency.samples": "2",
}


@pytest.fixture
def tiny(empty_store: Path, tiny_checkpoint: Path) -> str:
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    return "tiny"


def test_a_fresh_machine_shows_the_picture_and_what_to_click(empty_store: Path) -> None:
    app = open_page()
    assert any("No weights are on this machine yet" in info.value for info in app.info)
    assert any(button.label == "Download 21.4 MB" for button in app.button)
    assert len(alts(app)) == 1


def test_how_often_such_maps_point_at_the_object_stands_beneath_those_it_was_measured_of(
    own_cache: Path,
) -> None:
    said = [caption.value for caption in open_page(picture="Coffee").caption]
    measured = packaged_maps()[DEFAULT]
    assert measured.random is not None
    points, random = measured.found.pointing.percent, measured.random.pointing.percent
    (sentence,) = (text for text in said if "photos with boxes" in text)
    assert f"On 500 photos with boxes this map points at the object {points} %" in sentence
    assert f"a random one {random} %" in sentence and "measured" in sentence
    other = open_page(picture="Coffee", method="Layer-CAM")
    assert not any("photos with boxes" in caption.value for caption in other.caption)


def test_the_map_is_the_core_s(tiny: str) -> None:
    app = open_page(picture="Coffee")
    request = ExplainRequest(image=load_sample("coffee"), weights=tiny)
    expected = InferenceService(WeightsStore()).explain(request)
    height, width = expected.attribution.grid
    shown = html(app)
    assert f"{height} × {width} values at the last feature map" in shown
    assert f"{expected.attribution.low:.3g}".replace("-", "−") in shown
    assert f"{expected.attribution.high:.3g}".replace("-", "−") in shown
    assert f"class {expected.target.index}" in shown
    assert downloads(app) == ["Overlay (PNG)", "Raw map (.npy)"]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_every_method_has_its_form_and_draws(tiny: str, method: Any) -> None:
    app = open_page(method=method.title, **CHEAP)
    assert not app.error
    drawn = {widget.label for widget in (*app.number_input, *app.toggle)}
    groups = app.get("button_group")
    drawn |= {group.label for group in groups if isinstance(group, Element)}
    assert {parameter.title for parameter in method.parameters} <= drawn
    assert any(alt.startswith(method.title) for alt in alts(app))
    assert all(len(alt) > 10 for alt in alts(app))
    assert ("at the input" in html(app)) == (not method.supports_stages)


def test_parameters_take_effect_when_they_are_sent(tiny: str) -> None:
    app = open_page(method="Occlusion", **CHEAP)
    assert app.number_input(key="occlusion.window").value == 32
    before = html(app)
    app.number_input(key="occlusion.window").set_value(16)
    app.number_input(key="occlusion.stride").set_value(16)
    next(button for button in app.button if button.label == "Apply").click()
    assert html(healthy(app.run())) != before


def test_a_window_smaller_than_its_stride_gets_a_sentence(tiny: str) -> None:
    app = open_page(method="Occlusion", **{"occlusion.window": "8", "occlusion.stride": "16"})
    assert len(app.error) == 1
    assert "stride must not exceed the window" in app.error[0].value


def test_every_stage_makes_a_strip(tiny: str) -> None:
    app = open_page(layer="Every stage")
    stages = [alt for alt in alts(app) if alt.startswith("Grad-CAM of")]
    assert len(stages) == 9
    assert "Stem" in html(app) and "Stage 7" in html(app) and "Last feature map" in html(app)
    assert downloads(app) == ["Overlay (PNG)", "Raw map (.npz)"]


def test_only_stages_that_the_network_has_are_offered(empty_store: Path, tmp_path: Path) -> None:
    from effnet_core.architecture.names import variant
    from effnet_core.network.build import build
    from effnet_core.weights import save_checkpoint

    file = tmp_path / "v2.safetensors"
    save_checkpoint(file, build(variant("v2-b0", num_classes=3, resolution=64), seed=0))
    WeightsStore().import_file(file, name="shallow")
    app = open_page(layer="8")
    assert app.selectbox(key="layer").options[-1] == "6"
    assert "“8”" in app.warning[0].value and not app.error
    assert app.selectbox(key="layer").value == "last"
    app = open_page(layer="7")  # the number of the last feature map
    assert not any("“7”" in warning.value for warning in app.warning)
    assert app.selectbox(key="layer").value == "last"
    assert "The most probable classes" in app.subheader[0].value


def test_pages_share_no_key_by_accident() -> None:
    keys = {
        "scale": {field.key for field in (*scale.FIELDS, *architecture.FIELDS)},
        "explain": {field.key for field in (*controls.FIELDS, controls.STAGE)},
        "compare": {*(field.key for field in compare.FIELDS), line.LINE},
        "classify": {page.ROWS.key, intake.SAMPLES.key},
        "classify and explain": {models.MODEL, models.ASKED},
    }
    keys["explain"] |= {pictures.EXPLAINED, targets.CLASSES}
    for one, other in itertools.combinations(keys, 2):
        assert not keys[one] & keys[other], (one, other)


def test_classes_by_name_stand_side_by_side(tiny: str) -> None:
    app = open_page(**{"class": ["crane (3)", "<script>alert(1)</script> (0)"]})
    assert "<script>alert" not in html(app)
    assert html(app).count('class="card-title"') == 2
    assert "class 3" in html(app) and "class 0" in html(app)
    assert len(downloads(app)) == 4


def test_the_gallery_chooses_the_class_and_no_class_costs_another_pass(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[str] = []
    look = Predictor.forward

    def counted(self: Predictor, inputs: Any) -> Any:
        passes.append(self.weights_id)
        return look(self, inputs)

    monkeypatch.setattr(Predictor, "forward", counted)
    app = open_page(picture="Coffee")
    assert sum("among the most probable" in alt for alt in alts(app)) == 4  # all that it has
    assert passes
    service = InferenceService(WeightsStore())
    prediction = service.classify(ClassifyRequest(load_sample("coffee"), tiny, top_k=4))
    unlikely = prediction.top[-1]
    passes.clear()
    app.button(key=f"explain-class-{unlikely.index}").click()
    healthy(app.run())
    assert passes == []
    expected = service.explain(
        ExplainRequest(image=load_sample("coffee"), weights=tiny, class_index=unlikely.index)
    )
    assert f"class {unlikely.index}" in html(app)
    assert f"{expected.attribution.high:.3g}".replace("-", "−") in html(app)
    assert app.multiselect(key="class").value == [f"{unlikely.label} ({unlikely.index})"]


def test_the_gallery_s_scale_is_each_map_s_own_or_one_for_all(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float | None]] = []

    def noted(view: Any, attribution: Any, *, scale: Any, **options: Any) -> Image.Image:
        drawn.append((attribution.high, None if scale is None else scale.high))
        return overlay(view, attribution, scale=scale, **options)

    monkeypatch.setattr(controls, "overlay", noted)
    open_page(picture="Coffee")
    explained, *others = drawn
    highs = [high for high, _ in others]
    assert others == [(high, None) for high in highs] and len(set(highs)) == 4
    drawn.clear()
    open_page(picture="Coffee", scales="One for all")
    assert drawn == [explained, *((high, max(0, *highs)) for high in highs)]


@pytest.mark.parametrize("others", [{"method": "Layer-CAM"}, {"layer": "3"}])
def test_the_gallery_is_of_the_last_feature_map_alone(tiny: str, others: dict[str, str]) -> None:
    app = open_page(**others)
    assert not app.error and not any("among the most probable" in alt for alt in alts(app))


def test_several_models_stand_side_by_side(tiny: str, tiny_checkpoint: Path) -> None:
    names = ["crane", "b", "c", "d"]
    WeightsStore().import_file(tiny_checkpoint, name="other", classes=names)
    app = open_page(model=["tiny", "other"], **{"class": "crane (3)"})
    assert "class 3" in html(app) and "class 0" in html(app)
    app.multiselect(key="class").set_value(["plain cat (2)"])
    healthy(app.run())
    assert "no class called plain cat" in app.error[0].value.replace("\\", "")


def test_a_class_of_another_model_does_no_harm(tiny: str, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="other", classes=["a", "b", "c", "d"])
    app = open_page(model="tiny", **{"class": "crane (3)"})
    app.multiselect(key="model").set_value(["other"])
    healthy(app.run())
    assert html(app).count('class="card-title"') == 1


def test_an_unknown_class_or_picture_in_the_address_is_named(tiny: str) -> None:
    app = open_page(picture="mine.png", **{"class": "$unicorn$"})
    said = " ".join(warning.value.replace("\\", "") for warning in app.warning)
    assert "“mine.png” is not in this session" in said
    assert "“$unicorn$”" in said
    assert len(downloads(app)) == 2


def test_opacity_draws_anew_and_computes_nothing(tiny: str) -> None:
    app = open_page()
    pictures = [image.url for e in app.get("image") for image in e.proto.imgs]
    figures = html(app)
    app.slider(key="opacity").set_value(0.9)
    healthy(app.run())
    assert [image.url for e in app.get("image") for image in e.proto.imgs] != pictures
    assert html(app) == figures  # the time measured is that of the one computation


def test_files_are_what_their_endings_say(tiny: str) -> None:
    request = ExplainRequest(image=load_sample("chelsea"), weights=tiny)
    service = InferenceService(WeightsStore())
    strip = service.explain_stages(request)
    raw = np.load(io.BytesIO(npy(strip[-1].attribution.raw)), allow_pickle=False)
    assert raw.dtype == np.float32
    assert np.array_equal(raw, strip[-1].attribution.raw)
    arrays = np.load(io.BytesIO(npz(strip)), allow_pickle=False)
    assert set(arrays) == {f"stage_{stage}" for stage in range(9)}
    assert np.array_equal(arrays["stage_2"], strip[2].attribution.raw)
    with Image.open(io.BytesIO(png(strip[0].prediction.view))) as image:
        assert (image.format, image.size) == ("PNG", strip[0].prediction.view.size)


def test_a_weak_map_is_marked_with_the_reason(tiny: str) -> None:
    expected = InferenceService(WeightsStore()).explain(
        ExplainRequest(image=load_sample("chelsea"), weights=tiny)
    )
    assert expected.attribution.weak  # untrained batch-norm statistics shrink every map
    app = open_page()
    assert "under 5 % of what the same network gives with random weights" in app.warning[0].value
    strip = open_page(layer="Every stage")
    assert "Weak here: " in strip.warning[0].value
