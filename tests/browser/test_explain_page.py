"""Explain as a person meets it, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.images.samples import load_sample
from effnet_core.service import ExplainRequest, InferenceService
from effnet_core.weights import WeightsStore
from tests.browser.person import Person

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
AddCheckpoint = Callable[[Any, Path], None]
MAPS = "[class*=st-key-maps-] img"


def save(page: Any, label: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_the_picture_comes_along_and_its_map_can_be_taken_home(
    server: str,
    browser_page: OpenPage,
    add_checkpoint: AddCheckpoint,
    tiny_checkpoint: Path,
    tmp_path: Path,
) -> None:
    page = browser_page(accept_downloads=True)
    page.goto(f"{server}/classify?sample=Rocket")
    add_checkpoint(page, tiny_checkpoint)
    page.get_by_role("link", name="Explain", exact=True).click()
    page.get_by_role("button", name="Raw map").wait_for(timeout=60_000)
    page.wait_for_url("**/explain?*picture=Rocket*")
    assert page.locator(MAPS).count() == 3
    assert all(image.get_attribute("alt") for image in page.locator(MAPS).all())

    service = InferenceService(WeightsStore(tmp_path / "store"))
    card = service.add_checkpoint(tiny_checkpoint.read_bytes(), tiny_checkpoint.name)
    expected = service.explain(ExplainRequest(image=load_sample("rocket"), weights=card.id))
    raw = np.load(save(page, "Raw map", tmp_path), allow_pickle=False)
    assert raw.dtype == np.float32
    np.testing.assert_allclose(raw, expected.attribution.raw, rtol=1e-4, atol=1e-6)
    with Image.open(save(page, "Overlay", tmp_path)) as image:
        assert (image.format, image.size) == ("PNG", expected.prediction.view.size)


def test_a_real_photo_shows_where_the_network_looked(
    server: str,
    browser_page: OpenPage,
    add_checkpoint: AddCheckpoint,
    v2b0_weights: Path,
    photos: tuple[Path, ...],
) -> None:
    photo = next(path for path in photos if "minivan" in path.name)
    page = browser_page()
    page.goto(f"{server}/classify")
    add_checkpoint(page, v2b0_weights)
    page.locator("[class*=st-key-upload-] input[type=file]").set_input_files(photo)
    page.get_by_role("heading", name=photo.name).wait_for(timeout=60_000)
    page.locator("table.answers th").filter(has_text="minivan").first.wait_for(timeout=60_000)
    page.get_by_role("link", name="Where did it look?").click()
    page.get_by_role("heading", name="minivan").wait_for(timeout=60_000)
    page.locator(MAPS).first.wait_for(timeout=60_000)
    page.get_by_text("7 × 7 values at the last feature map").wait_for()
    assert "minivan" in page.locator(MAPS).last.get_attribute("alt")


def test_a_view_of_every_stage_is_an_address(
    server: str, browser_page: OpenPage, add_checkpoint: AddCheckpoint, tiny_checkpoint: Path
) -> None:
    page = browser_page()
    page.goto(f"{server}/classify")
    add_checkpoint(page, tiny_checkpoint)
    page.get_by_role("link", name="Where did it look?").click()
    page.get_by_role("button", name="Raw map").wait_for(timeout=60_000)
    page.locator(".st-key-layer input").click()
    page.keyboard.type("Every")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Stage 7").wait_for(timeout=60_000)
    assert page.locator("[class*=st-key-strip-] img").count() == 9
    assert "layer=Every+stage" in page.url
    page.get_by_role("link", name="Classify", exact=True).click()
    page.locator("table.answers").first.wait_for(timeout=60_000)
    page.get_by_role("link", name="Explain", exact=True).click()
    page.get_by_role("heading", name="Stage 7").wait_for(timeout=60_000)
    assert "layer=Every+stage" in page.url


def test_three_maps_of_one_class_take_two_actions_after_the_upload(
    server: str, browser_page: OpenPage, photos: tuple[Path, ...]
) -> None:
    photo = next(path for path in photos if "bagel" in path.name)
    page = browser_page()
    person = Person(page, f"{server}/classify")
    page.locator("[class*=st-key-upload-] input[type=file]").set_input_files(photo)
    page.get_by_role("heading", name=photo.name).wait_for(timeout=60_000)
    person.click(("link", "Explain"))
    page.locator("[class*=st-key-gallery-] img").first.wait_for(timeout=60_000)
    overlays = page.locator("[class*=st-key-maps-] img[alt*=' by Lite']")
    assert overlays.count() == 3
    classes = {alt.partition("“")[2].partition("”")[0] for alt in alts(overlays)}
    assert len(classes) == 1
    assert page.get_by_text("with the first map (computed)").count() == 2
    assert person.actions <= 2


def alts(images: Any) -> list[str]:
    return [image.get_attribute("alt") for image in images.all()]


def test_the_last_feature_map_has_one_name_and_its_gallery(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    page.goto(f"{server}/explain?picture=Rocket&layer=8&model=Lite0 · ImageNet-1k")
    page.locator("[class*=st-key-gallery-] img").first.wait_for(timeout=60_000)
    page.get_by_text("7 × 7 values at the last feature map").wait_for()
    page.locator(".st-key-layer input").click()
    offered = page.locator("[role=option]").all_inner_texts()
    assert offered[-1] == "7" and offered[:2] == ["Last feature map", "Every stage"]
    assert "layer" not in page.url
