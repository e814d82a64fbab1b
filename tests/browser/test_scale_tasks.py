"""Questions that people come to Scale with, each answered within a number of actions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.person import Person

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]


def at_scale(page: Any, server: str) -> Person:
    person = Person(page, server)
    page.locator("[data-testid=stMetricValue]").nth(3).wait_for()
    return person


@pytest.mark.parametrize("width", [1280, 390])
def test_is_depth_alone_worse_at_the_same_cost(
    width: int, server: str, browser_page: OpenPage
) -> None:
    person = at_scale(browser_page(width=width, height=844), server)
    person.click(("tab", "Same cost, four ways"))
    page = person.page
    page.locator(".way").nth(3).wait_for()
    answer = page.get_by_text("Depth alone is worse than compound scaling at the same cost")
    answer.wait_for()
    person.click(("radio", "×8"))
    page.wait_for_function("() => location.search.includes('times=')")
    page.locator(".way", has_text="×8.").nth(1).wait_for()
    assert person.actions <= 2
    text = " ".join(page.locator(".way").all_inner_texts())
    costs = [int(cost.replace(",", "")) for cost in re.findall(r"\d,\d{3},\d{3},\d{3}", text)]
    assert len(costs) == 4
    assert max(costs) / min(costs) <= 1.02  # each within 1 % of the middle
    widths = page.locator(".way").evaluate_all("all => all.map(one => one.offsetWidth)")
    assert max(widths) - min(widths) < 1  # four equal columns
    assert page.locator(".silhouette b").count() > 4 * 16


@pytest.mark.parametrize("width", [1280, 390])
def test_what_does_squeeze_and_excitation_cost(
    width: int, server: str, browser_page: OpenPage
) -> None:
    person = at_scale(browser_page(width=width, height=844), server)
    person.click(("tab", "Architecture"))
    page = person.page
    row = page.get_by_role("row", name=re.compile("Squeeze-and-excitation"))
    row.wait_for()
    assert person.actions <= 2
    assert re.findall(r"([\d.]+) %", row.inner_text()) == ["12.0", "0.2"]  # parameters, FLOPs
    bars = page.locator(".parts")
    assert bars.count() == 2
    for bar in bars.all():  # the parts fill the bar
        parts = bar.locator("i").evaluate_all("all => all.map(one => one.offsetWidth)")
        assert sum(parts) == pytest.approx(bar.evaluate("bar => bar.offsetWidth"), abs=5)
        assert bar.evaluate("bar => bar.offsetWidth") > 60
    assert "0 %" not in re.findall(r"\S+ %", page.locator("table.shares").inner_text())
