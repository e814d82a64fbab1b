"""Classify as a person meets it, in Chromium."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from app.text import percent
from effnet_core.engines.predictor import Predictor
from effnet_core.images.samples import load_sample
from effnet_core.weights import WeightsStore, load_checkpoint, resolve_weights

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
AddCheckpoint = Callable[[Any, Path], None]
UPLOAD = "[class*=st-key-upload-] input[type=file]"
PUBLISHED = "B0 · IMAGENET1K_V1"
FIRST_CLASS = "table.answers tbody tr:first-child th"


def add_pictures(page: Any, *files: tuple[str, bytes]) -> None:
    page.locator(UPLOAD).set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
    )


def test_a_photo_uploaded_gets_the_core_s_answer(
    server: str,
    browser_page: OpenPage,
    add_checkpoint: AddCheckpoint,
    v2b0_weights: Path,
    photos: tuple[Path, ...],
) -> None:
    photo = next(path for path in photos if "bagel" in path.name)
    predictor = Predictor(load_checkpoint(v2b0_weights, architecture="tf_efficientnetv2_b0"))
    top = predictor.predict_bytes(photo.read_bytes()).top
    page = browser_page()
    page.goto(f"{server}/classify")
    add_checkpoint(page, v2b0_weights)
    page.locator(UPLOAD).set_input_files(photo)
    page.get_by_role("heading", name=photo.name).wait_for(timeout=60_000)
    page.locator(FIRST_CLASS).filter(has_text=top[0].label).wait_for(timeout=60_000)
    rows = page.locator("table.answers").first.locator("tbody th").all_inner_texts()
    assert rows == [entry.label for entry in top]
    shown = page.locator("table.answers td").first.inner_text()
    assert shown.strip() == f"{100 * top[0].probability:.1f} %"


@pytest.mark.parametrize("size", [(300, 400), (400, 200)])
def test_a_picture_has_the_room_that_it_takes(
    server: str, browser_page: OpenPage, size: tuple[int, int]
) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(file, "PNG")
    page = browser_page()
    page.goto(f"{server}/classify")
    add_pictures(page, ("gradient.png", file.getvalue()))
    page.get_by_role("heading", name="gradient.png").wait_for(timeout=60_000)
    page.locator("table.answers").first.wait_for(timeout=60_000)
    room, image = (
        page.locator(f".st-key-looked-at{inner}").bounding_box() for inner in ("", " img")
    )
    assert image["width"] / image["height"] == pytest.approx(size[0] / size[1], rel=0.02)
    assert room["height"] == pytest.approx(image["height"], abs=2)


def test_bad_files_and_hostile_names_are_answered_in_words(
    server: str, browser_page: OpenPage, add_checkpoint: AddCheckpoint, tiny_checkpoint: Path
) -> None:
    page = browser_page()
    dialogs: list[str] = []

    def note(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(f"{server}/classify?sample=Coffee")
    add_checkpoint(page, tiny_checkpoint)
    name = "<img src=x onerror=alert(1)>$x^2$ **b**.png"
    add_pictures(page, (f"bad {name}", b"#!/bin/sh"), (name, load_sample("chelsea")))
    page.get_by_text("not a readable picture").wait_for(timeout=60_000)
    error = page.locator("[data-testid=stAlert]").first.inner_text()
    assert error.startswith(f"bad {name}: ")
    page.get_by_role("heading", name=name).wait_for(timeout=60_000)
    page.locator("table.answers").first.wait_for()
    assert "<script>alert(1)</script>" in page.locator("table.answers").first.inner_text()
    assert page.locator(".katex, [data-testid=stMain] img[src=x]").count() == 0
    assert not dialogs
    for image in page.locator("[data-testid=stMain] img").all():
        assert image.get_attribute("alt")


@pytest.mark.parametrize("place", ["[data-testid=stFileUploaderDropzone]", "body"])
def test_a_picture_can_be_pasted(
    server: str,
    browser_page: OpenPage,
    add_checkpoint: AddCheckpoint,
    tiny_checkpoint: Path,
    place: str,
) -> None:
    page = browser_page()
    page.goto(f"{server}/classify")
    add_checkpoint(page, tiny_checkpoint)
    page.locator(place).first.evaluate(
        """(zone, bytes) => {
            const clipboard = new DataTransfer();
            const file = new File([new Uint8Array(bytes)], "pasted.png", {type: "image/png"});
            clipboard.items.add(file);
            const event = new ClipboardEvent("paste", {clipboardData: clipboard, bubbles: true});
            zone.dispatchEvent(event);
        }""",
        list(load_sample("coffee")),
    )
    page.get_by_role("heading", name="pasted.png").wait_for(timeout=60_000)
    assert page.get_by_text("is here already").count() == 0


def test_a_fresh_machine_answers_at_390_pixels_without_scrolling_sideways(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page(width=390, height=844, color_scheme="dark")
    page.goto(f"{server}/classify?sample=Rocket&model={quote('φ = −4 · trained here')}")
    page.get_by_role("heading", name="Rocket on its launch pad").wait_for(timeout=60_000)
    page.locator("table.answers").wait_for(timeout=60_000)
    assert page.get_by_text("classes: Falcon 9 rocket").is_visible()
    assert page.get_by_role("button", name="Download").count() == 0
    page.get_by_text("About this model").click()
    page.get_by_role("heading", name="Limits").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_model_that_is_not_here_shows_its_button_at_390_pixels(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page(width=390, height=844, color_scheme="dark")
    page.goto(f"{server}/classify?sample=Rocket&model={PUBLISHED}")
    page.get_by_role("button", name="Download 21.4 MB").wait_for(timeout=60_000)
    page.get_by_role("heading", name="Rocket on its launch pad").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_a_network_a_sample_is_classified_and_explained(
    server: str, browser_page: OpenPage, tmp_path: Path
) -> None:
    predictor = Predictor(resolve_weights("lite0", WeightsStore(tmp_path)))
    top = predictor.predict_bytes(load_sample("coffee")).top
    page = browser_page()  # every connection to elsewhere is refused, and fails the test
    page.goto(f"{server}/classify")
    page.locator(FIRST_CLASS).filter(has_text=top[0].label).nth(2).wait_for(timeout=60_000)
    shown = page.locator("table.answers td").first.inner_text()
    assert shown.strip() == percent(top[0].probability)
    about = page.locator("[class*=st-key-about-]").first.inner_text()
    assert "75.1 % top-1 on ImageNet (published)" in about
    page.get_by_role("link", name="Where did it look?").nth(2).wait_for()  # they come one by one
    page.get_by_role("link", name="Where did it look?").first.click()
    page.get_by_role("heading", name=top[0].label).wait_for(timeout=60_000)
    page.locator("[class*=st-key-maps-] img").nth(2).wait_for(timeout=60_000)
    overlay = page.locator("[class*=st-key-maps-] img").nth(2)
    assert f"“{top[0].label}” by" in overlay.get_attribute("alt")
    assert overlay.evaluate("image => image.naturalWidth") == predictor.preprocessing.crop


def test_a_sample_is_chosen_by_keyboard_and_carried_by_the_address(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    page.goto(f"{server}/classify")
    page.get_by_role("button", name="Rocket").focus(timeout=60_000)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Rocket on its launch pad").wait_for(timeout=60_000)
    assert "sample=Rocket" in page.url
    page.reload()
    page.locator(".matrix").get_by_role("button", name="Rocket").wait_for(timeout=60_000)


def test_where_did_it_look_asks_for_its_own_model_alone(
    server: str, browser_page: OpenPage, add_checkpoint: AddCheckpoint, tiny_checkpoint: Path
) -> None:
    page = browser_page()
    page.goto(f"{server}/classify?sample=Coffee")
    page.wait_for_url("**model=*", timeout=60_000)  # nobody chose it: the address says which it is
    add_checkpoint(page, tiny_checkpoint)
    page.locator(".st-key-model input").click()
    page.keyboard.type("B0")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Download 21.4 MB").wait_for(timeout=60_000)
    page.get_by_role("link", name="Where did it look?").first.click()
    page.get_by_role("button", name="Raw map").wait_for(timeout=60_000)
    page.wait_for_url(re.compile(r"/explain\?.*your.file"))
    assert page.url.count("model=") == 1 and "only=" not in page.url
    assert page.get_by_role("button", name="Download 21.4 MB").count() == 0


def test_three_pictures_by_four_models_stand_in_one_screen_and_lead_to_the_detail(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page(width=1280, height=800)
    samples = "&".join(f"sample={name}" for name in ("Coffee", "Chelsea", "Rocket"))
    models = "&".join(f"model={quote(name)}" for name in FOUR)
    page.goto(f"{server}/classify?{samples}&{models}")
    table = page.locator(".matrix table")
    table.wait_for(timeout=60_000)
    assert table.locator("tbody tr").count() == 3
    assert table.locator("tbody td").count() == 12
    box = table.bounding_box()
    assert box["y"] + box["height"] <= 800
    assert page.locator("[class*=st-key-answers-]").count() == 1
    table.get_by_role("button", name="Rocket on its launch pad").click()
    page.locator(".st-key-answers-rocket table.answers").nth(3).wait_for(timeout=60_000)
    pressed = table.locator("button[aria-pressed=true]")
    assert pressed.inner_text() == "Rocket on its launch pad"
    page.get_by_role("heading", name="Rocket on its launch pad").wait_for()
    assert page.locator("[class*=st-key-answers-]").count() == 1
    page.wait_for_url("**shown=Rocket*")  # for Back, and for whom the address is sent
    page.get_by_role("link", name="Explain", exact=True).click()
    page.locator("[class*=st-key-maps-] img").first.wait_for(timeout=60_000)
    page.go_back()
    page.locator(".st-key-answers-rocket table.answers").nth(3).wait_for(timeout=60_000)
    other = browser_page()
    other.goto(page.url)
    other.locator(".st-key-answers-rocket table.answers").nth(3).wait_for(timeout=60_000)


FOUR = (
    "Lite0 · ImageNet-1k",
    "Lite1 · ImageNet-1k",
    "Lite2 · ImageNet-1k",
    "φ = −4 · trained here",
)
