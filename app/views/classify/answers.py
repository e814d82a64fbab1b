"""What the models say about one picture: a card for each, side by side, and whether they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import pictures, resources
from app.markup import bars, caption, html, plain, title
from app.models import ASKED, label
from app.pages import page
from app.pictures import Picture
from app.text import size
from app.views.classify import export, overview
from app.views.classify.overview import Given

if TYPE_CHECKING:
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import ModelCard


def draw(picture: Picture, cards: tuple[ModelCard, ...], given: Given, rows: int) -> None:
    """Draw the picture and the `rows` most probable classes of what each model `given` said."""
    predictions = overview.answers(given)
    with st.container(border=True, key=f"answers-{picture.key}"):
        beside, other = st.columns([2, 5])
        few = len(cards) < 3
        with beside:
            _draw_picture(picture, predictions)
        with beside if few else other:
            _draw_facts(picture, predictions)
        if not few:
            with other:
                _draw_agreement(predictions, cards)
        with other if few else st.container():
            columns = st.columns(max(1, len(cards)))
            for column, card in zip(columns, cards, strict=False):
                with column:
                    _draw_card(picture, card, given[card.id], rows, narrow=len(cards) > 3)
        if few:
            _draw_agreement(predictions, cards)


def _draw_picture(picture: Picture, predictions: list[Prediction]) -> None:
    boxes = _boxes(predictions)
    seen = f" The lighter {_frames(boxes)[0]} what the models see." if boxes else ""
    framed = pictures.framed(picture, boxes)
    with st.container(key="looked-at"):
        st.image(framed, width="stretch", alt=picture.alt + seen, output_format="JPEG")
    place = "{} / {}".format(*framed.size)  # before the bytes have come
    at = "div.st-key-looked-at, .st-key-looked-at img"  # "div" outdoes the sheet, whichever is last
    st.html(f"<style>{at} {{ aspect-ratio: {place}; }}</style>")


def _draw_facts(picture: Picture, predictions: list[Prediction]) -> None:
    boxes = _boxes(predictions)
    details = ["{:,} × {:,} pixels".format(*picture.size)]
    if picture.credit:
        details.append(f"photo: {picture.credit}")
    if boxes:
        details.append("the {} the {} that the models see".format(*_frames(boxes)))
    st.html(title(picture.title, *details))
    for note in picture.notes:
        st.html(caption(note))
    if picture in pictures.uploads():
        key = f"remove-{picture.key}"
        st.button("Remove", key, type="tertiary", on_click=pictures.remove, args=(picture.key,))


def _boxes(predictions: list[Prediction]) -> tuple[pictures.Box, ...]:
    return tuple(dict.fromkeys(prediction.crop_box for prediction in predictions))


def _frames(boxes: tuple[pictures.Box, ...]) -> tuple[str, str]:
    return ("frames are", "crops") if len(boxes) > 1 else ("frame is", "crop")


def _draw_card(
    picture: Picture, card: ModelCard, given: Prediction | str, rows: int, *, narrow: bool
) -> None:
    if isinstance(given, str):
        st.html(title(label(card)))
        st.error(plain(given))
        return
    head = f"head-{picture.key}-{card.id}"
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, key=head):
        width = 40 if narrow else 72
        st.image(
            given.view, width=width, alt=f"The crop of {picture.title} that {label(card)} sees."
        )
        name, _, of = label(card).partition(" · ")
        seen = f"sees {given.resolution} × {given.resolution} pixels"
        st.html(title(name, *filter(None, (of, seen))))
    top = [(entry.label, entry.probability) for entry in given.top[:rows]]
    st.html(bars(top, count=rows, name=f"What {label(card)} sees in {picture.title}"))
    if unknown := pictures.unknown_subject(picture, given.classes):
        st.html(caption(unknown))
    taken = f"{given.milliseconds:,.0f} ms measured, from bytes to answer"
    st.html(caption(" · ".join((taken, given.engine, given.device, given.dtype))))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        with st.popover("About this answer", type="tertiary"):
            _draw_about(card, given)
        export.draw(card, f"{picture.key}-{card.id}")
        query = {pictures.EXPLAINED: pictures.name(picture), ASKED: label(card)}
        st.page_link(page("explain"), label="Where did it look?", query_params=query)


def _draw_about(card: ModelCard, given: Prediction) -> None:
    """Which file answered, how the picture was prepared, and where that is known from."""
    p = card.preprocessing
    rows = {"File": f"{card.file_name}, {size(card.size_bytes)}", "SHA-256": card.sha256}
    rows["Architecture"] = card.architecture
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


def _draw_agreement(predictions: list[Prediction], cards: tuple[ModelCard, ...]) -> None:
    """Say whether the models agree; nothing of a single one."""
    from effnet_core.engines.prediction import same_answers

    if len(predictions) < 2:
        return
    labels = {card.id: label(card) for card in cards}
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
