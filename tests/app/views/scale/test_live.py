"""What Scale sends the browser so that it follows φ, and what it does not send again."""

from __future__ import annotations

from functools import partial

import pytest

from tests.app.reading import SCALE, component, healthy, opened

open_page = partial(opened, SCALE)


@pytest.mark.parametrize(("phi", "rest"), [("1.5", None), ("1.01", "1.01")])
def test_only_a_network_between_the_steps_is_sent_by_itself(phi: str, rest: str | None) -> None:
    app = open_page(phi=phi, show="Architecture")
    for key in ("readouts", "picture"):
        given = component(app, key)["rest"]
        assert given is None if rest is None else given["at"] == rest


@pytest.mark.parametrize("show", ["Growth", "Architecture"])
def test_a_step_of_phi_sends_the_browser_nothing_new(show: str) -> None:
    app = open_page(phi="1.5", show=show)
    keys = ("readouts", "steps", "picture") if show == "Architecture" else ("growth", "ratio")
    before = [component(app, key) for key in keys]
    healthy(app.slider(key="phi").set_value(1.6).run())
    assert [component(app, key) for key in keys] == before


def test_the_pinned_network_steps_aside_where_the_shown_one_is_the_same() -> None:
    pinned = {"classes": "10", "show": "Architecture"}
    given = component(open_page(a="phi=2.5,classes=10", **pinned), "picture")
    assert (given["beside"]["titles"], given["beside_at"]) == (["φ = 2.5"], "2.50")
    given = component(open_page(a="phi=2.5", **pinned), "picture")
    assert given["beside_at"] is None
    variant = {"network": "published", "variant": "b4", "a": "b4", "show": "Architecture"}
    assert component(open_page(**variant), "picture")["beside_at"] == ""


def test_an_axis_widens_only_for_a_network_outside_it() -> None:
    ranges = [
        component(open_page(network="published", variant=name, y="FLOPs (multiply-adds)"), "growth")
        for name in ("b0", "b7")
    ]
    assert ranges[0]["chart"]["y"] == ranges[1]["chart"]["y"]
    wide = component(open_page(phi="6", beta="2", y="FLOPs (multiply-adds)"), "growth")
    assert wide["chart"]["y"]["range"][1] > ranges[0]["chart"]["y"]["range"][1]
