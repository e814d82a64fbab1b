"""Architecture, the whole network: what each step of its blocks takes."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import widgets
from app.scale.quantities import MS_LABEL
from app.text import count, milliseconds, percent, unbroken
from app.views.scale.block import STEPS
from app.views.scale.shown import Shown
from effnet_core.cost.shares import Group, Part, by_group
from effnet_core.latency import standing, terms_by_group

_NAMES = STEPS | {"ends": "Ends: stem and head"}

Amounts = Mapping[Group, float]


def draw(shown: Shown) -> None:
    """Draw one stacked bar a quantity, with the figures of every group below it."""
    title = shown.network.title
    parts = by_group(shown.report.layers)
    columns: dict[str, tuple[Amounts, str]] = {
        "Parameters": ({group: part.params for group, part in parts.items()}, "count"),
        "FLOPs": ({group: part.mult_adds for group, part in parts.items()}, "count"),
    }
    timed = _milliseconds(shown)
    if timed:
        columns["Time here"] = (timed, "ms")
    kinds: tuple[widgets.Source, ...] = ("computed", "predicted") if timed else ("computed",)
    widgets.heading(f"Where the cost of {title} lies", *kinds)
    said = "Of the network at rest: while φ is dragged, its layers are not added up anew."
    if not timed:
        said += f" {MS_LABEL}: once it is calibrated (Growth, an axis of milliseconds)."
    st.html(f'{_squeezed(parts)}{_table(columns)}<p class="quiet">{said}</p>')


def _squeezed(parts: Mapping[Group, Part]) -> str:
    """The share of squeeze-and-excitation in a sentence; "" for a network without."""
    squeezed = parts.get("squeeze_excite")
    if squeezed is None:
        return ""
    of_params, of_mult_adds = (
        percent(getattr(squeezed, name) / sum(getattr(part, name) for part in parts.values()))
        for name in ("params", "mult_adds")
    )
    return (
        f"<p><b>Squeeze-and-excitation</b> holds {of_params} of the parameters and takes "
        f"{of_mult_adds} of the FLOPs.</p>"
    )


def _milliseconds(shown: Shown) -> Amounts:
    """Predicted milliseconds of each group; empty where this machine is not calibrated."""
    held = standing().usable
    if held is None:
        return {}
    return {
        group: sum(a * b for a, b in zip(amounts, held.model.coefficients, strict=True))
        for group, amounts in terms_by_group(shown.report.spec).items()
    }


def _table(columns: Mapping[str, tuple[Amounts, str]]) -> str:
    groups = next(iter(columns.values()))[0]
    heads = "".join(f'<th scope="col">{name}</th>' for name in columns)
    bars = "".join(f"<td>{_bar(amounts)}</td>" for amounts, _ in columns.values())
    rows = "".join(
        f'<tr><th scope="row"><i class="swatch of-{group}"></i>{_NAMES[group]}</th>'
        + "".join(_cell(amounts, group, unit) for amounts, unit in columns.values())
        + "</tr>"
        for group in groups
    )
    return (
        f'<table class="shares"><thead><tr><th scope="col">Step</th>{heads}</tr>'
        f'<tr aria-hidden="true"><td></td>{bars}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _bar(amounts: Amounts) -> str:
    whole = sum(amounts.values())
    parts = "".join(
        f'<i class="of-{group}" style="width:{amount / whole:.2%}"></i>'
        for group, amount in amounts.items()
    )
    return f'<div class="parts">{parts}</div>'


def _cell(amounts: Amounts, group: Group, unit: str) -> str:
    amount = amounts.get(group, 0.0)
    share = percent(amount / sum(amounts.values()))
    written = milliseconds(amount) if unit == "ms" else count(amount)
    return f"<td><b>{share}</b> <span>{unbroken(written)}</span></td>"
