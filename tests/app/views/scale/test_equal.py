"""Same cost, four ways: what each column says is what its own network costs."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app import resources
from app.views.scale.ways import COLUMNS
from effnet_core.architecture.names import scaled
from effnet_core.cost.equal import equal_cost
from effnet_core.cost.report import summarize
from effnet_core.files import unsealed
from effnet_core.latency import Calibration
from tests.app.reading import SCALE, html, opened, seen

open_page = partial(opened, SCALE, show="Same cost, four ways")
ROW = re.compile(r'<p class="line"><span>(.*?)</span><b>(.*?)</b>')
ASSETS = Path(__file__).parents[4] / "assets" / "measured"


def columns(app: Any) -> dict[str, dict[str, str]]:
    articles = re.findall(r'<article class="way"><h4>(.*?)</h4>(.*?)</article>', html(app), re.S)
    return {name: dict(ROW.findall(body)) for name, body in articles}


def text(app: Any) -> str:
    return " ".join(map(seen, (*app.markdown, *app.caption)))


@pytest.mark.parametrize(("times", "shown"), [(0.5, "×½"), (4.0, "×4"), (16.0, "×16")])
def test_columns_say_the_exact_cost_of_their_networks(times: float, shown: str) -> None:
    found = columns(open_page(times=shown))
    assert list(found) == ["Depth only", "Width only", "Resolution only", "Compound"]
    ways = {way.setting.strategy: way for way in equal_cost(times).ways}
    for name, column in zip(COLUMNS, found.values(), strict=True):
        setting = ways[name].setting
        spec = scaled(
            ways[name].phi,
            strategy=name,
            repeats=setting.repeats,
            exact_pixels=setting.exact_pixels,
        )
        totals = summarize(spec)
        assert column["FLOPs"] == f"{totals.mult_adds:,}"
        assert column["Blocks"] == str(totals.blocks)
        assert column["Pixels"] == f"{spec.resolution} × {spec.resolution}"
        assert column["ms here"] == "not calibrated"


def test_one_sentence_answers_with_the_papers_figures() -> None:
    app = open_page()
    assert "Depth alone is worse than compound scaling at the same cost" in text(app)
    assert "79.0 % against 81.1 % top-1, 2.1 points less" in text(app)
    for said in ("d=4: 79.0 %", "w=2: 78.9 %", "r=2: 79.1 %", "d=1.4 w=1.2 r=1.3: 81.1 %"):
        assert said in html(app)
    assert html(app).count('class="published"') == 4


def test_a_family_that_the_paper_did_not_scale_so_claims_nothing() -> None:
    app = open_page(family="lite")
    assert "Nobody published how accurate this family is" in text(app)
    assert "top-1" not in html(app)


def test_milliseconds_are_predicted_once_this_machine_is_calibrated(
    calibrated: Calibration,
) -> None:
    for column in columns(open_page()).values():
        assert column["ms here"].endswith("ms, predicted")


def test_networks_trained_here_stand_below_the_published(measured_folder: Path) -> None:
    """A duel of this project's own is told as measured."""
    record = unsealed(json.loads((ASSETS / "runs" / "tiny100-phi-4.json").read_text()))
    (measured_folder / "runs").mkdir(parents=True)
    for place, name in enumerate(COLUMNS):
        validation = record["validation"] | {"top1": 0.3 + 0.01 * place}
        run = record | {"id": name, "group": "duel", "strategy": name, "base_phi": -4.0}
        run["validation"] = validation
        (measured_folder / "runs" / f"{name}.json").write_text(json.dumps(run))
    resources.trained.clear()
    app = open_page()
    page = html(app)
    assert page.count('class="measured"') == 4
    assert "33.0 % top-1" in page
    assert "Networks trained here, much smaller: Compound scaling leads in the duel" in text(app)
    assert "trained here" not in text(open_page(family="lite"))  # it was not these that were


def test_a_damaged_record_takes_nothing_else_away(measured_folder: Path) -> None:
    (measured_folder / "runs").mkdir(parents=True)
    (measured_folder / "runs" / "one.json").write_text("{}")
    resources.trained.clear()
    app = open_page()
    assert any("damaged" in seen(error) for error in app.error)
    assert len(columns(app)) == 4 and "79.0 % against 81.1 %" in text(app)


def test_a_rule_that_does_not_grow_gets_a_sentence() -> None:
    app = open_page(alpha="1", beta="1", gamma="1")
    assert any("no network grows with φ" in seen(error) for error in app.error)
