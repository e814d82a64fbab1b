"""Classify and Explain with models that come with the project, run without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.pictures import sample, unknown_subject
from app.views.explain import scaling
from effnet_core.cost.report import deepest_stage
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.service import ExplainRequest, InferenceService
from effnet_core.service.scaling_figure import STRATEGIES
from effnet_core.weights import WeightsStore
from effnet_core.weights.published import imagenet_classes
from tests.app.reading import alts, html, opened

SCRIPT = """
import streamlit as st
from app.views.classify import page as classify
from app.views.explain import page as explain
st.navigation([
    st.Page({page}.render, url_path="start", default=True),
    st.Page(classify.render, url_path="classify"),
    st.Page(explain.render, url_path="explain"),
]).run()
"""
HEADING = "One network, scaled four ways"
TITLES = ("Baseline", "Deeper", "Wider", "Higher resolution", "Compound")


def open_page(page: str, **parameters: Any) -> AppTest:
    app = opened(SCRIPT.format(page=page), **parameters)
    assert not app.error, [error.value for error in app.error]
    return app


def figures(app: AppTest) -> int:
    """How often the page shows Figure 7."""
    return sum(part.value.startswith(HEADING) for part in app.subheader)


@pytest.fixture
def one(empty_store: Path, bundled: Any) -> Path:
    """A machine on which there is one bundled model, and nothing else."""
    return bundled.put("tiny4", "φ = −6, trained here (4 classes)")


@pytest.fixture
def five(empty_store: Path, bundled: Any) -> Any:
    """A machine with the five networks of the paper's Figure 7."""
    for strategy in STRATEGIES:
        fields = {"group": "duel", "strategy": strategy, "base_phi": -6.0}
        bundled.put(strategy, f"{strategy}, trained here", **fields)
    bundled.put("base", "φ = −6, trained here")
    return bundled


@pytest.mark.parametrize("page", ["classify", "explain"])
def test_a_fresh_machine_begins_with_the_bundled_model(one: Path, page: str) -> None:
    app = open_page(page)
    models = app.multiselect(key="model")
    assert models.options[0] == "φ = −6 · trained here"
    assert models.value == ["φ = −6 · trained here"]
    assert app.query_params["model"] == "φ = −6 · trained here"
    assert not [info for info in app.info if "No weights are on this machine" in info.value]
    assert not [button for button in app.button if "Download" in button.label]
    assert "espresso" in " ".join(alts(app)).lower()  # a sample that it knows


def test_its_address_leads_to_it_again(one: Path, empty_store: Path, tiny_checkpoint: Path) -> None:
    address = dict(open_page("classify").query_params)
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    assert open_page("explain", **address).multiselect(key="model").value == [
        "φ = −6 · trained here"
    ]


def test_imported_weights_come_after_it(one: Path, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    models = open_page("classify").multiselect(key="model")
    assert models.options[:2] == ["φ = −6 · trained here", "tiny"]
    assert models.value == ["φ = −6 · trained here"]


def test_its_figures_and_its_card_are_on_classify(one: Path) -> None:
    one.with_suffix(".md").write_text("# Head\n\n## Data\n\n<script>alert(1)</script> and so on")
    app = open_page("classify")
    assert "sees 64 × 64 pixels" in html(app)
    assert "25.0 % top-1, measured on no photos at all" in html(app)
    (about,) = (part for part in app.expander if part.label == "About this model")
    (card,) = about.markdown
    assert card.value.strip().startswith("##### Data")
    assert "# Head" not in card.value
    assert not card.allow_html
    assert "<script>alert" not in html(app)


def test_a_missing_card_gets_a_sentence(one: Path) -> None:
    one.with_suffix(".md").unlink()
    (about,) = (p for p in open_page("classify").expander if p.label == "About this model")
    assert "missing" in about.markdown[0].value


def test_other_models_have_no_card(one: Path, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    app = open_page("classify", model="tiny")
    assert "About this model" not in [part.label for part in app.expander]


@pytest.mark.parametrize("page", ["classify", "explain"])
@pytest.mark.parametrize(("name", "known"), [("Coffee", True), ("Chelsea", False)])
def test_a_subject_that_the_model_cannot_know_is_said(
    one: Path, page: str, name: str, known: bool
) -> None:
    app = open_page(page, **{"sample" if page == "classify" else "picture": name})
    sentence = "Not among this model&#x27;s 4 classes: tabby cat."
    assert (sentence in html(app)) == (not known)
    assert ("Not among" in html(app)) == (not known)


def test_subjects_are_compared_only_with_classes_of_imagenet() -> None:
    chelsea = sample("chelsea")
    assert unknown_subject(chelsea, imagenet_classes()) == ""
    assert unknown_subject(chelsea, ["lion", "tabby"]) == ""
    assert unknown_subject(chelsea, ["lion", "orange"]).startswith("Not among this model's 2 ")
    assert unknown_subject(chelsea, ["cat", "orange"]) == ""  # a list of one's own: nobody knows
    assert "1,000 classes: astronaut" in unknown_subject(sample("astronaut"), imagenet_classes())


def test_a_picture_of_ones_own_has_no_known_subject(empty_store: Path) -> None:
    app = AppTest.from_string(
        "import streamlit as st\nfrom app.pictures import add, unknown_subject\n"
        'picture = add("mine.png", st.session_state["file"])\n'
        'st.text(repr((unknown_subject(picture, ["lion"]), picture.box)))\n'
    )
    app.session_state["file"] = load_sample("chelsea")
    assert app.run().text[0].value == "('', None)"


def test_what_is_right_for_a_sample_is_a_class_of_imagenet() -> None:
    for entry in sample_images():
        assert set(entry.classes) <= set(imagenet_classes())
        if entry.box is not None:
            left, top, right, bottom = entry.box
            width, height = sample(entry.name).size
            assert 0 <= left < right < width and 0 <= top < bottom < height
    assert {"espresso"} <= set(sample_images()[0].classes)


def test_the_figure_shows_five_maps_of_one_class(five: Any) -> None:
    app = open_page("explain", picture="Coffee", **{"class": "orange (1)"})
    assert figures(app) == 1
    drawn = [alt for alt in alts(app) if alt.startswith("Grad-CAM of “orange”, ")]
    assert [alt.split("”, ")[1].split(":")[0] for alt in drawn] == [t.lower() for t in TITLES]
    assert html(app).count("in the subject&#x27;s box") == 5
    assert html(app).index("Baseline") < html(app).index("Deeper") < html(app).index("Compound")


def test_its_maps_are_the_cores_and_their_energy_is_in_the_cup(
    five: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[Any, Any, Any]] = []
    measure = scaling.energy_inside

    def noted(raw: Any, box: Any, size: Any) -> Any:
        shown.append((raw, box, size))
        return measure(raw, box, size)

    monkeypatch.setattr(scaling, "energy_inside", noted)
    open_page("explain", picture="Coffee", **{"class": "lion (2)"})
    service = InferenceService(WeightsStore())
    names = ("base", *STRATEGIES)
    assert len(shown) == len(names)
    for name, (raw, box, size) in zip(names, shown, strict=True):
        stage = deepest_stage(service.spec(name))
        assert raw.shape == (8, 8)
        request = ExplainRequest(
            image=load_sample("coffee"), weights=name, class_index=2, stage=stage
        )
        again = service.explain(request).attribution.raw
        # Two engines, whichever was ready: torch and ONNX Runtime.
        np.testing.assert_allclose(raw, again, rtol=0, atol=1e-5 * np.abs(again).max())
        assert size == (64, 64)
        # 600 × 400 pixels become 109 × 73, of which 64 × 64 are seen; the cup's rim is cut off
        assert box.right - box.left == pytest.approx(237 * 109 / 600)
        assert (box.top, box.bottom) == (0, pytest.approx(308 * 73 / 400 - 4))


def test_without_a_box_nothing_is_said_of_energy(five: Any) -> None:
    app = open_page("explain", picture="Chelsea")
    assert figures(app) == 1
    assert "subject&#x27;s box" not in html(app)


def test_a_class_that_they_lack_gives_way_to_their_own(five: Any, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    app = open_page("explain", picture="Coffee", model="tiny")
    (figure,) = {alt.split("”")[0] for alt in alts(app) if ", baseline: " in alt}
    answer = InferenceService(WeightsStore()).explain(
        ExplainRequest(image=load_sample("coffee"), weights="compound")
    )
    assert figure == f"Grad-CAM of “{answer.target.label}"


@pytest.mark.parametrize("missing", ["base", "width"])
def test_until_all_five_exist_the_page_does_not_mention_them(five: Any, missing: str) -> None:
    record = five.assets / "measured" / "runs" / f"{missing}.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "group": "ablation"}))
    app = open_page("explain", picture="Coffee")
    assert figures(app) == 0
    assert not [alt for alt in alts(app) if "baseline" in alt or "compound: " in alt]
    assert "Figure 7" not in " ".join(part.value for part in (*app.caption, *app.markdown))
