"""Same cost, four ways: the column of each."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app.charts.silhouette import silhouettes
from app.markup import html
from app.scale import results
from app.scale.network import Network
from app.scale.quantities import latency
from app.text import count, milliseconds, percent, size, unbroken
from app.views.scale.shown import Shown
from effnet_core.architecture.scaling import Strategy
from effnet_core.cost.equal import EqualCost, Way
from effnet_core.latency import standing
from effnet_core.results.published import PaperRow
from effnet_core.results.seeds import RunGroup
from effnet_core.results.verdict import in_words

COLUMNS: tuple[Strategy, ...] = ("depth", "width", "resolution", "compound")


def draw(
    shown: Shown, found: EqualCost, published: dict[str, PaperRow], measured: dict[str, RunGroup]
) -> None:
    """Draw a column for each way, equally wide; `published` and `measured` are by strategy."""
    ways = {way.setting.strategy: way for way in found.ways}
    networks = [_network(shown.formula, ways[name]) for name in COLUMNS]
    reports = [results.report(network, shown.load) for network in networks]
    names = [in_words(name).capitalize() for name in COLUMNS]
    drawn = silhouettes(reports, [f"{name}: its blocks, drawn to scale" for name in names])
    cards = []
    for place, key in enumerate(COLUMNS):
        figures = "".join(
            f'<p class="line"><span>{label}</span><b>{html(unbroken(said))}</b></p>'
            for label, said in _figures(shown, networks[place], found.base).items()
        )
        cards.append(
            f'<article class="way"><h4>{names[place]}</h4>{drawn[place]}{figures}'
            f"{_of_paper(published.get(key))}{_of_run(measured.get(key))}</article>"
        )
    st.html(f'<div class="ways">{"".join(cards)}</div>')


def _figures(shown: Shown, network: Network, base: int) -> dict[str, str]:
    """What a column says of its network, by label."""
    report, held = results.report(network, shown.load), standing().usable
    totals, spec = report.totals, report.spec
    timed = "not calibrated"
    if held is not None:
        priced = results.priced(network, shown.load, shown.formula.family)
        timed = milliseconds(latency(held).of(priced) or 0.0) + ", predicted"
    return {
        "Blocks": f"{totals.blocks}",
        "Channels": f"{spec.stem_channels} to {spec.head_channels:,}",
        "Pixels": f"{spec.resolution} × {spec.resolution}",
        "FLOPs": f"{totals.mult_adds:,}",
        "of φ = 0": f"×{totals.mult_adds / base:.2f}",
        "Parameters": count(totals.params),
        "Activations": count(totals.activations),
        "Peak memory": size(totals.peak_activation_bytes),
        "ms here": timed,
    }


def _network(formula: Network, way: Way) -> Network:
    setting = way.setting
    return replace(
        formula.at(way.phi),
        strategy=setting.strategy,
        repeats=setting.repeats,
        pixels="to 1" if setting.exact_pixels else "to 8",
    )


def _of_paper(row: PaperRow | None) -> str:
    if row is None:
        return ""
    how = row.scaling.partition(" ")[2] or row.scaling
    said = f"{how}: {row.top1} % top-1 on ImageNet at {row.mult_adds_b:g} B FLOPs (table 7)"
    return f'<p><i class="published">published</i> {html(said)}</p>'


def _of_run(one: RunGroup | None) -> str:
    if one is None:
        return ""
    run = one.runs[0]
    said = f"{percent(one.mean_top1)} top-1 on {run.data.name} at {count(one.cost.mult_adds)} FLOPs"
    return f'<p><i class="measured">measured</i> {html(said)}, trained here</p>'
