"""What fits my budget: the published networks first, by name, with the way to their weights."""

from __future__ import annotations

import streamlit as st

from app import models, resources, widgets
from app.charts import budget as charts
from app.charts.budget import title_of
from app.markup import html, plain
from app.pages import page
from app.text import size
from app.views.scale.amounts import band
from app.views.scale.budget_limits import BOXES
from effnet_core.cost.budget import Limits, Room
from effnet_core.results import PublishedAnswer, PublishedNetwork
from effnet_core.service import ModelCard

SHOWN, NEAREST = 5, 3
"""So many that fit are written out, and so many of the others; the chart has every one."""


def draw(answer: PublishedAnswer) -> None:
    """Draw the sentence that answers, a row for each network, and the chart."""
    widgets.heading("Published networks that fit", "published", "computed")
    st.markdown(_sentence(answer))
    cards = {card.id: card for card in resources.service().available()}
    shown = (*answer.fitting[:SHOWN], *answer.missing[:NEAREST])
    with st.container(key="offers"):
        for one in shown:
            _draw_row(one, answer.limits, cards.get(one.weights))
    _draw_chart(answer)


def _sentence(answer: PublishedAnswer) -> str:
    if answer.fitting:
        best, more = answer.fitting[0], len(answer.fitting) - SHOWN
        fit = "fits" if len(answer.fitting) == 1 else "fit"
        rest = f" Of the others that fit, {more} are in the chart alone." if more > 0 else ""
        return (
            f"**{len(answer.fitting)}** of {len(answer.networks)} {fit}. The most accurate: "
            f"**{title_of(best)}**, {best.record.top1:.1f} % top-1.{rest}"
        )
    nearest, told = answer.missing[0], []
    for room in nearest.rooms(answer.limits):
        over = f" ({_over(room)})" if room.left < 0 else ""
        told.append(f"{_used(room)}{over}")
    return f"**None.** Nearest: **{title_of(nearest)}**, {', '.join(told)}."


def _used(room: Room) -> str:
    """A cost and whether its limit holds: "20.3 ms ✗"."""
    return f"{BOXES[room.name].show(room.used)} {'✗' if room.left < 0 else '✓'}"


def _over(room: Room) -> str:
    """By how much a limit is broken: "10.3 over"; megabytes and counts with their unit."""
    return f"{BOXES[room.name].show(-room.left).removesuffix(' ms')} over"


def _draw_row(one: PublishedNetwork, limits: Limits, card: ModelCard | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"offer-{one.name}"):
        st.html(_row(one, limits))
        with st.container(key=f"ways-{one.name}", width="content"):
            _draw_ways(card)


def _row(one: PublishedNetwork, limits: Limits) -> str:
    """The network's name and recipe, then each cost under its name."""
    rooms = {room.name: room for room in one.rooms(limits)}
    wanted = dict.fromkeys(("weight_bytes", *(("latency_ms",) if one.latency else ()), *rooms))
    cells = [("Top-1", f"{one.record.top1:.1f} %", "")]
    for name in wanted:
        room, box = rooms.get(name), BOXES[name]
        value = _used(room) if room else box.show(getattr(one, name))
        below = [_over(room)] if room and room.left < 0 else []
        if name == "latency_ms" and one.latency:
            below.append(band(one.latency))
        cells.append((box.title, value, " · ".join(below)))
    drawn = "".join(
        f"<div><dt>{html(name)}</dt><dd>{html(value)}<small>{html(below)}</small></dd></div>"
        for name, value, below in cells
    )
    made = f"{one.recipe.title}, {one.record.source} · {one.resolution} pixels"
    return (
        f'<div class="offer"><div><b>{html(title_of(one))}</b><small>{html(made)}</small></div>'
        f"<dl>{drawn}</dl></div>"
    )


def _draw_ways(card: ModelCard | None) -> None:
    """The links to its weights; where none are known here, that is said."""
    if card is None:
        st.caption("no weights offered here")
        return
    name = models.label(card)
    asked = {models.ASKED: name}
    if card.state != "ready":
        st.page_link(
            page("classify"),
            label="Get weights",
            icon=":material/download:",
            query_params=asked,
            help=plain(f"{name}: {size(card.size_bytes)}, fetched on Classify when you say so."),
        )
        return
    st.page_link(
        page("classify"),
        label="Classify",
        icon=":material/image_search:",
        query_params=asked,
        help=plain(f"{name}: its weights are on this disk."),
    )


def _draw_chart(answer: PublishedAnswer) -> None:
    box = BOXES[answer.limiting]
    figure = charts.within(answer, box.label, box.unit)
    limit = box.show(answer.limits.given[box.quantity])
    widgets.chart(figure, charts.message(answer, box.title, limit), key="within")
    st.caption(
        f"{widgets.source('published')} {len(answer.networks)} EfficientNets with their published "
        "top-1 on ImageNet's 1,000 classes, each priced at its record's own pixels. Shaded: over "
        f"{limit}, the limit that the most of them break."
    )
