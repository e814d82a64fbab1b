"""A whole explanation as one HTML file that needs nothing else: pictures inside, no script.

Neither a date nor a time measured stands in it, so equal input gives equal bytes. Names of classes,
files and weights are untrusted text and are escaped. No torch here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from PIL import Image

from effnet_core.attribution.ledger import Ledger, Line
from effnet_core.attribution.registry import find_method
from effnet_core.attribution.render import overlay, png_bytes, signed_overlay, signed_scale
from effnet_core.attribution.trust.charts import Chart, charts, svg

if TYPE_CHECKING:
    from effnet_core.attribution.result import Attribution
    from effnet_core.attribution.trust import Trust
    from effnet_core.engines.prediction import Prediction
    from effnet_core.weights import LoadedWeights, StoredWeights

    Described = LoadedWeights | StoredWeights


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture of the explanation, such as an overlay, and what it shows in words."""

    caption: str
    image: Image.Image = field(repr=False)


def map_figure(prediction: Prediction, attribution: Attribution, opacity: float = 0.5) -> Figure:
    """The overlay of a map of a prediction, and its method, class and place in words."""
    where = "the input" if attribution.stage is None else f"stage {attribution.stage}"
    title = find_method(attribution.method).title
    return Figure(
        f"{title} of {prediction.classes[attribution.class_index]} at {where}: colours from 0 to "
        f"{max(attribution.high, 0):.3g}",
        overlay(prediction.view, attribution, opacity=opacity),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Document:
    """What the file says: one model's answer to one picture, and where it comes from.

    `picture` names the picture. `ledger` is that of a class in the pass that gave `prediction`,
    whose `top` classes are listed. `preparation` says how the picture was prepared; `licence`,
    `origin` and `sha256` are those of the weights. `trust` is a sentence on how far the answer can
    be relied on, "" for none, `evidence` what that rests on, as (name, value), and `charts` are its
    charts.
    """

    picture: str
    prediction: Prediction
    ledger: Ledger
    figures: tuple[Figure, ...]
    preparation: str
    licence: str
    origin: str
    sha256: str
    trust: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    charts: tuple[Chart, ...] = ()


def document(
    picture: str,
    prediction: Prediction,
    ledger: Ledger,
    *,
    weights: Described,
    licence: str,
    origin: str,
    figures: Sequence[Figure] = (),
    trust: Trust | None = None,
) -> Document:
    """The document of an answer and its ledger, whose signed overlay follows `figures`.

    `trust` is the verdict on the first of these.
    """
    most = signed_scale(ledger.cells).high
    caption = f"Shares of places: light red pays up to {most:.3g}, light blue takes up to that"
    signed = Figure(caption, signed_overlay(prediction.view, ledger.cells))
    return Document(
        picture=picture,
        prediction=prediction,
        ledger=ledger,
        figures=(*figures, signed),
        preparation=f"Preprocessing ({weights.preprocessing_source}): "
        f"{weights.preprocessing.in_words}\nClass names: {weights.classes_source}\n"
        f"Computed with {weights.conventions}\nProbabilities: "
        f"{weights.activation} ({weights.activation_source}). {prediction.meaning}".rstrip(". "),
        licence=licence,
        origin=origin,
        sha256=weights.sha256,
        trust=trust.verdict if trust else "",
        evidence=tuple((one.test, one.sentence) for one in trust.evidence) if trust else (),
        charts=charts(trust) if trust else (),
    )


def to_html(explanation: Document) -> str:
    """The explanation as one HTML document."""
    prediction, ledger = explanation.prediction, explanation.ledger
    title = f"What {prediction.weights} sees in {explanation.picture}"
    first = prediction.top[0]
    seen = Figure(f"What the model saw: {prediction.view.width} px wide", prediction.view)
    template = Template(files(__package__).joinpath("document.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=_text(title),
        answer=f"{_name(first.label)}, with a probability of {first.probability:.2%}.",
        figures="\n".join(map(_figure, (seen, *explanation.figures))),
        classes=_table(
            "",
            ("Class", "Index", "Probability"),
            [(one.label, str(one.index), f"{one.probability:.2%}") for one in prediction.top],
        ),
        trust=_trust(explanation),
        sum=_sum(explanation),
        places=_sum_table("Over places", ledger.place_lines(), ledger.logit),
        channels=_sum_table("Over channels", ledger.channel_lines(), ledger.logit),
        cells=_cells(ledger),
        measured=_measured(explanation),
    )


def _sum(explanation: Document) -> str:
    prediction, ledger = explanation.prediction, explanation.ledger
    whose = f"The logit of {_name(prediction.classes[ledger.class_index])}"
    if ledger.against is not None:
        whose += f" minus that of {_name(prediction.classes[ledger.against])}"
    height, width = ledger.grid
    return (
        f"{whose} is {ledger.logit:+.4f}. Average pooling and a linear layer make it the sum of "
        f"what each of the {height} × {width} places of the last feature map pays, and as exactly "
        f"of what each of its {ledger.channels.size:,} channels pays."
    )


def _sum_table(caption: str, lines: Sequence[Line], logit: float) -> str:
    rows = [(line.what, f"{line.share:+.4f}", f"{line.total:+.4f}") for line in lines]
    return _table(caption, ("What", "Share", "Sum so far"), rows, ("logit", "", f"{logit:+.4f}"))


def _cells(ledger: Ledger) -> str:
    columns = [f"column {column}" for column in range(ledger.grid[1])]
    rows = [
        (f"row {number}", *(f"{share:+.4f}" for share in row), f"{row.sum():+.4f}")
        for number, row in enumerate(ledger.cells)
    ]
    return _table("", ("", *columns, "Sum of the row"), rows)


def _trust(explanation: Document) -> str:
    if not explanation.trust:
        return ""
    table = _table("", ("Evidence", "Value"), explanation.evidence) if explanation.evidence else ""
    drawn = "\n".join(map(_chart, explanation.charts))
    return (
        f"<h2>How far to rely on it</h2>\n<p>{_text(explanation.trust)}</p>\n{table}\n"
        f'<div class="figures">{drawn}</div>\n'
    )


def _chart(chart: Chart) -> str:
    caption = _text(f"{chart.title}: {chart.up}")
    return f'<figure class="chart">{svg(chart)}<figcaption>{caption}</figcaption></figure>'


def _measured(explanation: Document) -> str:
    prediction = explanation.prediction
    facts = (
        f"Measured on this picture by {prediction.engine} on {prediction.device} in "
        f"{prediction.dtype}: the probabilities, the logits and the last feature map.",
        "Computed from that feature map and the classifier's weights in float64: every share. "
        f"Rounding, {explanation.ledger.residual:+.2g}, is what the engine's logit differs by.",
        f"Weights: {prediction.weights}; licence: {explanation.licence}; origin: "
        f"{explanation.origin}; SHA-256 {explanation.sha256}.",
        *explanation.preparation.splitlines(),
    )
    return "\n".join(f"<p>{_text(fact)}</p>" for fact in facts)


def _figure(figure: Figure) -> str:
    data, caption = base64.b64encode(png_bytes(figure.image)).decode(), _text(figure.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    foot: Sequence[str] = (),
) -> str:
    """A table whose rows are named by their first cell."""
    top = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
    parts = [f"<thead><tr>{top}</tr></thead>", f"<tbody>{''.join(map(_row, rows))}</tbody>"]
    if caption:
        parts.insert(0, f"<caption>{_text(caption)}</caption>")
    if foot:
        parts.append(f"<tfoot>{_row(foot)}</tfoot>")
    return f"<table>{''.join(parts)}</table>"


def _row(cells: Sequence[str]) -> str:
    name, *values = cells
    data = "".join(f"<td>{_text(value)}</td>" for value in values)
    return f'<tr><th scope="row">{_name(name)}</th>{data}</tr>'


def _name(text: str) -> str:
    """A name from outside, whose direction of writing ends with it."""
    return f"<bdi>{_text(text)}</bdi>"


def _text(text: str) -> str:
    r"""Text as HTML; what no encoding has, from a file's name, as `\udcff`."""
    return escape(text.encode("utf-8", "backslashreplace").decode())
