"""What is drawn of the evidence, and the SVG by hand."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from effnet_core.attribution.metrics import Curve
from effnet_core.attribution.trust import Evidence, Trust
from effnet_core.attribution.trust.charts import FIRST, SECOND, Chart, Trace, charts, svg

HALVES = Curve((0.0, 0.5, 1.0), (0.25, 0.5, 1.0))
HOSTILE = "<script>\"'&"


def evidence() -> tuple[Evidence, ...]:
    rivals = tuple(
        (f"{kind}{whose}", HALVES)
        for kind in ("insertion", "deletion")
        for whose in ("", ", random maps", ", centre Gaussian")
    )
    road = tuple(
        (f"{side} pixels removed", Curve((0.1, 0.5), (0.9, 0.2)))
        for side in ("strongest", "weakest")
    )
    steps = (("classifier", 0.5), ("and head convolution", 0.1), ("and all the rest", -0.2))
    shared = {"outcome": "for", "sentence": "it holds"}
    return (
        Evidence(test="picture", figures=(("stayed", 0.1),), **shared),  # type: ignore[arg-type]
        Evidence(test="weights", figures=steps, **shared),  # type: ignore[arg-type]
        Evidence(test="rivals", figures=(), curves=rivals, **shared),  # type: ignore[arg-type]
        Evidence(test="road", figures=(), curves=road, **shared),  # type: ignore[arg-type]
    )


def drawn() -> dict[str, Chart]:
    found = Trust(outcome="for", verdict="It holds.", evidence=evidence(), milliseconds=1.0)
    return {chart.test: chart for chart in charts(found)}


def test_every_test_with_curves_or_steps_has_its_chart() -> None:
    assert list(drawn()) == ["weights", "rivals", "road"]
    (cascade,) = drawn()["weights"].traces
    assert cascade.points == ((0, 1.0), (1, 0.5), (2, 0.1), (3, -0.2))
    assert [text for _, text in drawn()["weights"].ticks] == [
        "trained",
        "classifier",
        "head",
        "all",
    ]
    assert [(t.name, t.colour, t.stroke) for t in drawn()["rivals"].traces] == [
        ("insertion", FIRST, "solid"),
        ("insertion, random maps", FIRST, "dotted"),
        ("insertion, centre Gaussian", FIRST, "dashed"),
        ("deletion", SECOND, "solid"),
        ("deletion, random maps", SECOND, "dotted"),
        ("deletion, centre Gaussian", SECOND, "dashed"),
    ]
    assert drawn()["road"].traces[0].points == ((0.1, 0.9), (0.5, 0.2))
    assert "weakest pixels removed: 0.90, 0.20" in drawn()["road"].words


def test_a_line_stands_where_its_values_are() -> None:
    """From the left edge of the axes to the right one; 0.25, 0.5 and 1 of the way up."""
    lines = ElementTree.fromstring(svg(drawn()["rivals"])).findall("polyline")
    assert len(lines) == 2 * 6  # each in the legend too
    points = [tuple(map(float, point.split(","))) for point in lines[0].attrib["points"].split()]
    across, up = zip(*points, strict=True)
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.11)
    assert (up[0] - up[1]) / (up[0] - up[2]) == pytest.approx(1 / 3, abs=0.01)
    grid = [
        path.attrib["d"] for path in ElementTree.fromstring(svg(drawn()["rivals"])).findall("path")
    ]
    assert grid[2].startswith(f"M{across[0]:.1f} {up[2]:.1f}H{across[2]:.1f}")


def test_names_bring_no_markup() -> None:
    chart = Chart(
        test="road",
        title=HOSTILE,
        across=HOSTILE,
        up=HOSTILE,
        ticks=((0.0, HOSTILE), (1.0, HOSTILE)),
        low=0.0,
        high=1.0,
        traces=(Trace(HOSTILE, ((0, 0), (1, 1)), FIRST), Trace(HOSTILE, ((0, 1), (1, 0)), SECOND)),
    )
    found = ElementTree.fromstring(svg(chart))
    assert {one.tag for one in found.iter()} == {"svg", "path", "text", "polyline"}
    assert [text.text for text in found.findall("text")].count(HOSTILE) == 5
