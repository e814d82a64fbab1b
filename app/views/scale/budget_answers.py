"""What fits my budget: the networks found, what stops them, and what they leave."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.scale.network import Network
from app.text import count, counted, minus, size, unbroken
from app.views.scale.amounts import band as written
from app.views.scale.budget_limits import BOXES
from app.views.scale.controls import set_phi
from effnet_core.cost.budget import LABELS, Answer, Setting

Answers = tuple[Answer, Answer, Answer]
"""The largest φ; the free shape with the most multiply-adds; the one nearest to compound."""

_NAMES = {name: label.replace("bytes of", "of") for name, label in LABELS.items()} | {
    "latency_ms": ""
}
"""What follows an amount in a sentence; milliseconds carry their unit."""


def draw_answers(answers: Answers, setting: Setting) -> None:
    """Draw the largest φ in words, then every network that fits, and what is left of the limits."""
    phi, free, near = answers
    classes = counted(setting.num_classes, "class")
    assumed = f"{classes}, {setting.dtype}, batch {setting.batch:,}"
    if phi.fits:
        _draw_largest(phi, assumed, setting.family.word)
    else:
        missed = f"the smallest network searched, φ = {minus(_phi(phi))},"
        others = " A free shape does fit." if free.fits else ""
        st.warning(f"No φ fits ({assumed}): even {missed} is over by {_over(phi)}.{others}")
    if not free.fits:
        shape = f"×{free.network.depth:g} deep, ×{free.network.width:g} wide"
        st.warning(
            f"Nor does any free shape: even the smallest searched, {shape} at "
            f"{free.network.resolution} pixels, is over by {_over(free)}."
        )
    title = Network(phi=_phi(phi), family=setting.family.word).title
    named = {title: phi, "Any shape, most FLOPs": free}
    if near.network != free.network:
        named["Any shape, nearest compound"] = near
    fitting = {name: answer for name, answer in named.items() if answer.fits}
    if fitting:
        st.table(_unbroken([_network(name, answer) for name, answer in fitting.items()]))
        st.table(_unbroken(_limits(fitting)))


def _unbroken(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: unbroken(cell) for name, cell in row.items()} for row in rows]


def _draw_largest(phi: Answer, counted: str, family: str) -> None:
    number = minus(_phi(phi))
    stops = [f"the limit on {LABELS[name]}" for name in phi.binding]
    stops += ["the end of the search" for _ in phi.ends]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"The largest φ is **{number}** ({counted}). What stops it: {' and '.join(stops)}."
        )
        st.button(
            f"Show φ = {number} above", on_click=set_phi, args=(_phi(phi), family), key="show-phi"
        )


def _phi(answer: Answer) -> float:
    assert answer.network.phi is not None
    return answer.network.phi


def _over(answer: Answer) -> str:
    """By how much each limit is missed."""
    missed = [room for room in answer.rooms if room.left < 0]
    return " and ".join(
        f"{BOXES[room.name].show(-room.left)} {_NAMES[room.name]}".strip() for room in missed
    )


def _network(name: str, answer: Answer) -> dict[str, str]:
    network = answer.network
    ends = dict.fromkeys(answer.ends, " (end)")
    band = network.latency
    time = {} if band is None else {"Time here": written(band)}
    return {
        "Network": name,
        "Depth": f"×{network.depth:.3g}{ends.get('depth', '')}",
        "Width": f"×{network.width:.3g}{ends.get('width', '')}",
        "Pixels": f"{network.resolution}{ends.get('resolution', '')}",
        "Parameters": count(network.params),
        "FLOPs": count(network.mult_adds),
        "Weights": size(network.weight_bytes),
        "Peak": size(network.peak_bytes),
        "Run here": size(network.run_bytes),
        **time,
    }


def _limits(fitting: Mapping[str, Answer]) -> list[dict[str, str]]:
    """One row a limit: what each network leaves of it, and whether it stops that network."""
    rows = []
    for place, first in enumerate(next(iter(fitting.values())).rooms):
        box = BOXES[first.name]
        row = {"Limit": box.title, "At most": box.show(first.limit)}
        for name, answer in fitting.items():
            stops = ", stops it" if first.name in answer.binding else ""
            row[name] = f"{box.show(answer.rooms[place].left)} left{stops}"
        rows.append(row)
    return rows
