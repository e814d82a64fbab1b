"""How page tests open a page without a browser, and what they read of it."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

SCALE = "from app.views.scale.page import render\nrender()"
COMPARE = "from app.views.compare.page import render\nrender()"


def opened(script: str, **parameters: Any) -> AppTest:
    """The page that `script` draws at an address with these parameters."""
    app = AppTest.from_string(script, default_timeout=120)
    for key, text in parameters.items():
        app.query_params[key] = text
    return healthy(app.run())


def healthy(app: AppTest) -> AppTest:
    """The same page; fails where its script did."""
    assert not app.exception, [error.value for error in app.exception]
    assert not any("Something went wrong" in error.value for error in app.error)
    return app


def press(app: AppTest, label: str) -> AppTest:
    """The page once the button called `label` was clicked."""
    button = next(button for button in app.button if button.label == label)
    return healthy(button.click().run())


def seen(message: Any) -> str:
    """What the reader sees: Markdown's escapes are not shown."""
    return str(message.value).replace("\\", "")


def html(app: AppTest) -> str:
    """Everything that the page writes as HTML."""
    return "\n".join(element.proto.body for element in app.get("html"))


def alts(app: AppTest) -> list[str]:
    """What stands in place of each picture for those who cannot see it."""
    return [image.alt for element in app.get("image") for image in element.proto.imgs]


def downloads(app: AppTest) -> list[str]:
    """The labels of the buttons that save a file."""
    return [element.proto.label for element in app.get("download_button")]


def component(app: AppTest, key: str) -> Any:
    """What a part that lives in the browser was given."""
    found = next(c.proto for c in app.get("bidi_component") if f"-{key}" in c.proto.id)
    (given,) = json.loads(found.json)
    return json.loads(given)
