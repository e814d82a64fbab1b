"""A fresh machine's first answers in Chromium: three real networks, and no torch in the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.browser.person import Person

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]


@pytest.fixture
def fresh(start_server: Callable[[], Any]) -> Iterator[tuple[str, int]]:
    """The address and the process of a server that nobody has asked anything."""
    with start_server() as (url, process):
        yield url, process.pid


def loaded(pid: int, library: str) -> bool:
    """Whether a process has a shared library of this name in its memory."""
    return library in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")


def test_real_networks_name_and_explain_pictures_without_torch(
    fresh: tuple[str, int], browser_page: OpenPage, photos: tuple[Path, ...]
) -> None:
    url, pid = fresh
    page = browser_page()
    page.goto(f"{url}/classify")
    page.get_by_text("All 3 models say espresso.").wait_for(timeout=60_000)
    photo = next(path for path in photos if "wombat" in path.name)
    page.locator("[class*=st-key-upload-] input[type=file]").set_input_files(photo)
    page.get_by_text("say wombat").wait_for(timeout=60_000)
    page.get_by_role("link", name="Where did it look?").first.click()
    page.locator(".colour-bar").first.wait_for(timeout=60_000)
    page.get_by_role("radio", name="Ledger").click()
    page.locator("[class*=st-key-ledger-html]").wait_for(timeout=60_000)
    assert "part=Ledger" in page.url
    page.get_by_role("radio", name="Trust").click()
    page.get_by_text("Is it stronger than that of random weights?").wait_for(timeout=180_000)
    assert loaded(pid, "onnxruntime")
    assert not loaded(pid, "libtorch")


def test_trained_weights_become_onnx_in_two_actions_without_torch(
    fresh: tuple[str, int], browser_page: OpenPage, tmp_path: Path
) -> None:
    url, pid = fresh
    page = browser_page(accept_downloads=True)
    person = Person(page, f"{url}/classify?model=Lite0 · ImageNet-1k&sample=Coffee")
    page.locator("table.answers").first.wait_for(timeout=60_000)
    person.click(page.get_by_role("button", name="Export"))
    with page.expect_download(timeout=60_000) as waiting:
        person.click(page.get_by_role("button", name="ONNX"), timeout=60_000)
    assert person.actions <= 2
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.name == "efficientnet-lite0-imagenet-1k.onnx"
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"])[967] == "espresso"
    (logits,) = session.run(None, {"images": np.zeros((2, 3, 224, 224), np.float32)})
    assert logits.shape == (2, 1000)
    page.get_by_text("Largest difference from PyTorch").wait_for(timeout=120_000)
    page.get_by_text("opset 20").wait_for()
    page.get_by_role("button", name="Python").wait_for()
    assert not loaded(pid, "libtorch")
