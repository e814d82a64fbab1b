"""The sums behind a cell as HTML: a card for each, in the order in which the network computes them.

Products and what is left of a sum are written with as many decimals as add up to the sum that
stands below them: the rest is the sum as written less the products as written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from app.markup import html
from effnet_core.attribution.cell import CellArithmetic, Sum

TERMS = 6
"""Products that a long sum shows."""
SLICES = 3
"""Channels that a convolution over several places shows: all of a picture's."""
_DIGITS = 5

_TITLES = {
    "stem": "Stem convolution",
    "expand": "Expansion 1×1",
    "depthwise": "Depthwise convolution",
    "fused": "Fused convolution",
    "reduce": "Squeeze: a hidden unit",
    "excite": "Excitation: the gate",
    "gate": "Gated",
    "project": "Projection 1×1",
    "shortcut": "Shortcut",
    "head": "Head convolution 1×1",
}
_ACTIVATIONS = {"silu": "SiLU", "relu6": "ReLU6", "relu": "ReLU", "sigmoid": "σ"}
_READS = {"reduce": "mean of channel", "excite": "hidden unit"}


def cards(found: CellArithmetic) -> str:
    """A row of cards, one for each sum; the last gives the cell."""
    return f'<div class="sums" role="list">{"".join(map(_card, found.sums))}</div>'


def signed(value: float, digits: int = _DIGITS) -> str:
    """A number with a real minus sign, to so many significant digits."""
    return f"{value:.{digits}g}".replace("-", "−")


def added(parts: Sequence[float], total: float, *, others: bool) -> tuple[list[str], str, str]:
    """The parts, what is left, and the total as text: as written, they add up to the digit.

    Without `others` nothing may be left: the first part, the largest, takes what rounding leaves.
    """
    largest = max([*map(abs, parts), abs(total)])
    places = _DIGITS - 1 - math.floor(math.log10(largest)) if largest else 1
    unit = Decimal(1).scaleb(-max(places, 0))
    written = [Decimal(part).quantize(unit) for part in parts]
    whole = Decimal(total).quantize(unit)
    left = whole - sum(written)
    if not others:
        written[0], left = written[0] + left, Decimal(0)
    first = [f"{one:f}".replace("-", "−") for one in written]
    return first, f"{left:f}".replace("-", "−"), f"{whole:f}".replace("-", "−")


def _card(one: Sum) -> str:
    unit = "hidden unit" if one.role == "reduce" else "channel"
    at = "" if one.corner is None else f", {_place(one)}"
    return (
        f'<section class="sum" role="listitem"><h4>{_TITLES[one.role]}</h4>'
        f"<p>{unit} {one.channel}{at}</p>{_terms(one)}{_after(one)}</section>"
    )


def _place(one: Sum) -> str:
    row, column = one.corner or (0, 0)
    kernel = one.values.shape[-1]
    if kernel == 1:
        return f"row {row}, column {column}"
    return f"reads rows {_span(row, kernel)}, columns {_span(column, kernel)}"


def _span(first: int, count: int) -> str:
    return f"{signed(first)} to {signed(first + count - 1)}"


def _terms(one: Sum) -> str:
    if one.role == "gate":
        value, gate = one.values.item(), one.weights.item()
        return _line(f"{signed(value)} × gate {signed(gate)} = <b>{signed(one.total)}</b>")
    if one.role == "shortcut":
        parts = [float(value) for value in one.values.ravel()]
        (branch, shortcut), _, total = added(parts, one.total, others=False)
        return _line(f"{branch} + input {shortcut} = <b>{total}</b>")
    return _patches(one) if one.values.shape[-1] > 1 else _products(one)


def _patches(one: Sum) -> str:
    """Patch and kernel of the channels that matter most, and what they add up to."""
    slices, _ = one.slices(SLICES)
    others = len(one.values) - len(slices)
    texts, left, total = added([each.total for each in slices], one.total, others=others > 0)
    drawn = "".join(
        f'<div class="patch">{_square(f"Input, channel {each.channel}", each.values, one.inside)}'
        f"{_square('Kernel', each.weights)}</div>" + _line(f"Σ input × kernel = <b>{text}</b>")
        for each, text in zip(slices, texts, strict=True)
    )
    if not others:
        return drawn if len(slices) == 1 else drawn + _line(f"together <b>{total}</b>")
    return drawn + _line(f"the other {others} channels {left}, together <b>{total}</b>")


def _square(
    title: str, values: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_] | None = None
) -> str:
    """A small table (k, k); what lies in the padding is set back."""
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{'' if inside is None or inside[i, j] else ' class=padding'}>"
            f"{signed(float(value), 3)}</td>"
            for j, value in enumerate(row)
        )
        + "</tr>"
        for i, row in enumerate(values)
    )
    return f"<table><caption>{title}</caption><tbody>{rows}</tbody></table>"


def _products(one: Sum) -> str:
    """The strongest products, the rest as one number, and the sum."""
    terms, _ = one.strongest(TERMS)
    others = len(one.values) - len(terms)
    texts, left, total = added([term.product for term in terms], one.total, others=others > 0)
    name = _READS.get(one.role, "channel")
    rows = [
        (f"{name} {term.channel}", signed(term.value), signed(term.weight), text)
        for term, text in zip(terms, texts, strict=True)
    ]
    if others:
        rows.append((f"the other {others}", "", "", left))
    rows.append(("sum", "", "", total))
    return _table(("reads", "value", "× weight", "= product"), rows)


def _table(heads: Iterable[str], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{html(first)}</th>'
        + "".join(f"<td>{one}</td>" for one in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _after(one: Sum) -> str:
    """Batch-norm or the bias, and the activation."""
    if one.role in ("gate", "shortcut"):
        return ""
    if one.role in ("reduce", "excite"):
        lines = [f"+ bias {signed(one.shift)} = <b>{signed(one.normalised)}</b>"]
    else:
        lines = [
            f"batch-norm: × {signed(one.scale)} + ({signed(one.shift)}) "
            f"= <b>{signed(one.normalised)}</b>"
        ]
    if one.activation != "none":
        lines.append(f"{_ACTIVATIONS[one.activation]}: <b>{signed(one.output)}</b>")
    return "".join(map(_line, lines))


def _line(text: str) -> str:
    return f'<p class="line">{text}</p>'
