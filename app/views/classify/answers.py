"""What the models say about one picture: a card for each, side by side, and whether they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from app import pictures, resources
from app.markup import bars, caption, html, plain, title
from app.models import ASKED, answer, label
from app.pages import page
from app.pictures import Picture
from app.text import size

if TYPE_CHECKING:
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import ModelCard


def draw(picture: Picture, cards: tuple[ModelCard, ...], rows: int) -> None:
    """Draw the picture and the `rows` most probable classes by each model."""
    with st.container(border=True, key=f"answers-{picture.key}"):
        beside, below = st.columns([2, 5]) if len(cards) < 3 else (st.container(), st.container())
        with beside:
            place = st.empty()
        with below:
            answers = [answer(card, picture) for card in cards]
            columns = st.columns(max(1, len(cards)))
            for column, card, given in zip(columns, cards, answers, strict=False):
                with column:
                    _draw_card(picture, card, given, rows)
        predictions = [given for given in answers if not isinstance(given, str)]
        with place.container():
            _draw_picture(picture, predictions, width="stretch" if len(cards) < 3 else 320)
        if len(predictions) > 1:
            _draw_agreement(predictions, {card.id: label(card) for card in cards})


def _draw_picture(
    picture: Picture, predictions: list[Prediction], width: Literal["stretch"] | int
) -> None:
    boxes = tuple(dict.fromkeys(prediction.crop_box for prediction in predictions))
    frame, crop = ("frames are", "crops") if len(boxes) > 1 else ("frame is", "crop")
    seen = f" The lighter {frame} what the models see." if boxes else ""
    framed = pictures.framed(picture, boxes)
    st.image(framed, width=width, alt=picture.alt + seen, output_format="JPEG")
    details = ["{:,} × {:,} pixels".format(*picture.size)]
    if picture.credit:
        details.append(f"photo: {picture.credit}")
    if boxes:
        details.append(f"the {frame} the {crop} that the models see")
    st.html(title(picture.title, *details))
    for note in picture.notes:
        st.html(caption(note))
    if picture in pictures.uploads():
        key = f"remove-{picture.key}"
        st.button("Remove", key, type="tertiary", on_click=pictures.remove, args=(picture.key,))


def _draw_card(picture: Picture, card: ModelCard, given: Prediction | str, rows: int) -> None:
    if isinstance(given, str):
        st.html(title(label(card)))
        st.error(plain(given))
        return
    head = f"head-{picture.key}-{card.id}"
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, key=head):
        st.image(given.view, width=72, alt=f"The crop of {picture.title} that {label(card)} sees.")
        st.html(title(label(card), f"sees {given.resolution} × {given.resolution} pixels"))
    top = [(entry.label, entry.probability) for entry in given.top[:rows]]
    st.html(bars(top, count=rows, name=f"What {label(card)} sees in {picture.title}"))
    if unknown := pictures.unknown_subject(picture, given.classes):
        st.html(caption(unknown))
    taken = f"{given.milliseconds:,.0f} ms measured, from bytes to answer"
    st.html(caption(" · ".join((taken, given.engine, given.device, given.dtype))))
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Input", type="tertiary"):
            _draw_input(card, given)
        query = {pictures.EXPLAINED: pictures.name(picture), ASKED: label(card)}
        st.page_link(page("explain"), label="Where did it look?", query_params=query)


def _draw_input(card: ModelCard, given: Prediction) -> None:
    """How the picture was prepared and where that is known from."""
    p = card.preprocessing
    rows = {"Architecture": card.architecture, "Weights": size(card.size_bytes)}
    rows["Classes"] = f"{card.num_classes:,}, names: {card.classes_source}"
    rows["Probabilities"] = f"{card.activation}, {card.activation_source}"
    rows["Input"] = f"{given.resolution} × {given.resolution} pixels, the centre of the picture"
    edge = "Both edges" if p.squash else "Shorter edge"
    rows[f"{edge} resized to"] = f"{p.resize} pixels, {p.interpolation}"
    rows["Mean (grey)" if p.channels == 1 else "Mean (red, green, blue)"] = ", ".join(
        f"{value:g}" for value in p.mean
    )
    rows["Standard deviation"] = ", ".join(f"{value:g}" for value in p.std)
    rows["These come from"] = card.preprocessing_source
    if card.conventions:
        rows["Network computed with"] = card.conventions
    rows["Answered on"] = resources.service().device_name
    rows["Origin"], rows["Licence"] = card.origin, card.licence
    body = "".join(f"<dt>{html(name)}</dt><dd>{html(text)}</dd>" for name, text in rows.items())
    st.html(f'<dl class="facts">{body}</dl>')


def _draw_agreement(predictions: list[Prediction], labels: dict[str, str]) -> None:
    from effnet_core.engines.prediction import same_answers

    groups = same_answers(predictions)
    if len(groups) == 1:
        text = f"All {len(predictions)} models say {groups[0].label}."
    else:
        parts = (
            f"{group.label} ({', '.join(labels[weights] for weights in group.weights)})"
            for group in groups
        )
        text = f"The models differ: {'; '.join(parts)}."
    st.html(f'<p class="agreement" role="status">{html(text)}</p>')
