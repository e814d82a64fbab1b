"""What browser tests share: a tiny network, adding it by hand, and the scripts of `app.live`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from app.live import component
from effnet_core.architecture.names import scaled
from effnet_core.network.build import build
from effnet_core.weights import save_checkpoint

CLASSES = ("<script>alert(1)</script>", "**bold** $x^2$ :red[hot]", "plain cat")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a small random network of three classes with hostile names."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    spec = scaled(-4.0, num_classes=len(CLASSES), resolution=64)
    save_checkpoint(path, build(spec, seed=1), classes=CLASSES)
    return path


@pytest.fixture
def add_checkpoint() -> Callable[[Any, Path], None]:
    """Return a function that adds a checkpoint through the form on Classify and waits for it.

    It is then the only model chosen: one that is not on this disk had been, and made room.
    """

    def add(page: Any, file: Path) -> None:
        address = urlsplit(page.url)
        query = {**parse_qs(address.query), "model": ["B0 · IMAGENET1K_V1"]}
        page.goto(address._replace(query=urlencode(query, doseq=True)).geturl())
        page.get_by_text("Your own checkpoint").click(timeout=60_000)
        page.locator(".st-key-checkpoint-0 input[type=file]").set_input_files(file)
        page.locator(".st-key-add-checkpoint button:not([disabled])").click(timeout=60_000)
        page.wait_for_url(re.compile(r"your.file"), timeout=60_000)
        page.locator("table.answers").first.wait_for(timeout=60_000)

    return add


@pytest.fixture
def script(browser_page: Callable[..., Any]) -> Callable[[str, str, Sequence[Any]], Any]:
    """Return a function that calls JavaScript in sight of all that a part of `app.live` defines.

    It takes the part, the function and the arguments of each call, and gives what each returned.
    """
    page = browser_page()

    def call(part: str, function: str, cases: Sequence[Any]) -> Any:
        source = f"{component.script(part)}\nexport const inside = text => eval(text);"
        return page.evaluate(_CALL, [source, function, cases])

    return call


_CALL = """async ([source, text, cases]) => {
  const url = `data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`;
  const called = (await import(url)).inside(`(${text})`);
  return cases.map(one => called(...one));
}"""
