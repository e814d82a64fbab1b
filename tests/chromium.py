"""A headless Chromium for the tests, which reaches this machine alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

ON_CI = os.environ.get("CI") == "true"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = (
    "Chromium was not found: the browser tests need it "
    "(on Debian and Ubuntu: sudo apt-get install chromium)"
)
# Headless, without the sandbox that root cannot have, and silent towards the network.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Pages of its own that Chromium draws unseen for every window: 40 per cent of a page's time.
UNSEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess")
# Of several --disable-features only the last one counts, and Playwright has one of its own.
_WITHOUT_UNSEEN = """#!/bin/sh
for flag; do
    shift
    case $flag in --disable-features=*) flag=$flag,{features} ;; esac
    set -- "$@" "$flag"
done
exec {executable} "$@"
"""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start one headless Chromium; without it the tests are skipped, or fail on CI."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        (pytest.fail if ON_CI else pytest.skip)(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    script = tmp_path_factory.mktemp("chromium") / "chromium"
    script.write_text(_WITHOUT_UNSEEN.format(features=",".join(UNSEEN), executable=executable))
    script.chmod(0o755)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=script, args=[*CHROMIUM_FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens an empty page in a fresh profile.

    Every option of Playwright's `new_context` is accepted. A request to anywhere but this machine
    finds no host and fails the test, and so does what the server's policy for browsers forbids.
    """
    contexts: list[Any] = []
    outgoing: list[str] = []
    forbidden: list[str] = []

    def note(message: Any) -> None:
        if message.text.startswith(FORBIDDEN):
            forbidden.append(message.text)

    def look(request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1", "data:", "blob:")):
            outgoing.append(request.url)

    def open_page(width: int = 1280, height: int = 900, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.on("request", look)  # a route would take a turn through Python for each
        context.add_init_script(_TELL_FORBIDDEN)
        context.on("console", note)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert not outgoing, f"the page asked for {outgoing}"
    assert not forbidden, forbidden


FORBIDDEN = "forbidden by the policy: "
_TELL_FORBIDDEN = (
    "addEventListener('securitypolicyviolation', event => "
    f"console.error('{FORBIDDEN}' + event.effectiveDirective + ' ' + event.blockedURI))"
)
