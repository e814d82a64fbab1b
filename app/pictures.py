"""The pictures of a session: samples and what was uploaded or photographed, shared by two pages.

They stay in this server's memory: nothing is sent elsewhere, and a session never sees another's.
A large one is kept smaller, as `images.keeping` explains, and `albums` bounds what all keep.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

import streamlit as st
from PIL import Image, ImageDraw

from app import arrivals
from app.albums import Album, Albums
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.images import decode_reduced
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.limits import MAX_PICTURES

PREVIEW_SIDE = 800
THUMBNAIL = (144, 120)
"""Pixels: twice what is drawn, for dense screens."""
Box = tuple[float, float, float, float]

MADE_ROOM = "Your pictures made room for those of other visitors: upload them again."
EXPLAINED = "picture"
"""The key (also in the URL) of the one picture that Explain shows, by its `name`."""
_SHOWN = "picture_shown_first"
_ALBUM = "kept_pictures"
_few_at_a_time = threading.BoundedSemaphore(2)  # decoded pictures are large


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One picture: its file's bytes as they are kept, and small upright copies to show.

    `title` may be a file name: data from outside. `size` is (width, height) in pixels, upright.
    `notes` are sentences on how the file was read, as in `images.Decoded`, and how it is kept.
    `small` and `thumbnail` are JPEG files.
    `subject`, `classes` and `box` are known of samples alone; see `images.samples.Sample`.
    """

    key: str
    title: str
    alt: str
    credit: str
    size: tuple[int, int]
    data: bytes = field(repr=False)
    small: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    subject: str = ""
    classes: tuple[str, ...] = ()
    box: tuple[int, int, int, int] | None = None

    @property
    def preview(self) -> Image.Image:
        """The small copy, of at most `PREVIEW_SIDE` pixels a side."""
        return Image.open(io.BytesIO(self.small)).convert("RGB")

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return len(self.data) + len(self.small) + len(self.thumbnail)


ALBUMS: Albums[Picture] = Albums()
"""Those of this server."""


@st.cache_resource(max_entries=16, show_spinner=False)
def sample(name: str) -> Picture:
    """A sample picture by name; raises InvalidInput if there is none of that name."""
    data = load_sample(name)
    (found,) = (entry for entry in sample_images() if entry.name == name)
    credit = f"{found.credit}, {found.licence}"
    plain = _picture(name, found.title, data, alt=found.alt, credit=credit)
    return replace(plain, subject=found.subject, classes=found.classes, box=found.box)


def uploads() -> tuple[Picture, ...]:
    """What this session has uploaded or photographed, the latest first."""
    return tuple(reversed(_kept().values()))


def name(picture: Picture) -> str:
    """What a picture is called in the URL: a sample's short name, or the title of an upload."""
    return picture.key.capitalize() if picture.key not in _kept() else picture.title


def add(name: str, data: bytes) -> Picture:
    """Keep a file's picture in this session; raises ImageError, or InvalidInput if there are many.

    The same bytes are kept once. A second file of the same name is told apart by a number.
    """
    data = arrivals.smaller(data)
    key = "upload-" + hashlib.sha256(data).hexdigest()[:16]
    kept = _kept()
    if key not in kept:
        if len(kept) >= MAX_PICTURES:
            raise InvalidInput(
                f"At most {MAX_PICTURES} pictures are kept; remove one before adding another."
            )
        title = _unused(PurePath(name).name[:80] or "picture", {p.title for p in kept.values()})
        picture = _picture(key, title, data, alt=f"Your picture {title}.", credit="")
        ALBUMS.put(_album(), picture)
        return picture
    return kept[key]


def add_all(files: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
    """Keep every good and new file; return one sentence for each of the others."""
    refused = []
    for name, data in files:
        before = len(_kept())
        try:
            picture = add(name, data)
        except EffnetError as error:
            refused.append(f"{name[:80]}: {error}")
        else:
            if len(_kept()) == before:
                refused.append(f"{name[:80]}: this picture is here already, as {picture.title}.")
    return tuple(refused)


def remove(key: str) -> None:
    """Forget a picture of this session."""
    ALBUMS.remove(_album(), key)


def made_room() -> bool:
    """Whether this session's pictures were given up for other visitors', and none came since."""
    return _album().made_room


def show(first: Picture | None) -> None:
    """Remember the picture that a page shows first, for the other page to begin with."""
    st.session_state[_SHOWN] = name(first) if first else None


def shown_last() -> str | None:
    """The `name` of the picture given to `show`, if there is one."""
    return st.session_state.get(_SHOWN)


def unknown_subject(picture: Picture, classes: Sequence[str]) -> str:
    """A sentence if no class of a model is right for the picture's subject, else "".

    It is "" too where that is not known: for pictures of one's own, and for a model with classes
    that are not ImageNet's.
    """
    from effnet_core.weights.published import imagenet_classes

    if not picture.subject or not set(classes) <= set(imagenet_classes()):
        return ""
    if set(picture.classes) & set(classes):
        return ""
    return f"Not among this model's {len(classes):,} classes: {picture.subject}."


def framed(picture: Picture, boxes: Sequence[Box]) -> Image.Image:
    """The picture with what lies outside every box dimmed and each box outlined.

    `boxes` are (left, top, right, bottom) in pixels of the picture at its full size.
    """
    preview = picture.preview
    scale_x, scale_y = preview.width / picture.size[0], preview.height / picture.size[1]
    scaled = [
        (left * scale_x, top * scale_y, right * scale_x - 1, bottom * scale_y - 1)
        for left, top, right, bottom in boxes
    ]
    seen = Image.new("L", preview.size, 0 if boxes else 255)
    for box in scaled:
        ImageDraw.Draw(seen).rectangle(box, fill=255)
    dimmed = Image.blend(preview, Image.new("RGB", preview.size), 0.5)
    result = Image.composite(preview, dimmed, seen)
    width = max(1, round(max(preview.size) / 250))
    for box in scaled:
        ImageDraw.Draw(result).rectangle(box, outline="white", width=width)
    return result


def in_a_row(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one size side by side."""
    width, height = images[0].size
    row = Image.new("RGB", (width * len(images), height))
    for number, image in enumerate(images):
        row.paste(image, (number * width, 0))
    return row


def _kept() -> dict[str, Picture]:
    return ALBUMS.look_at(_album())


def _album() -> Album[Picture]:
    if _ALBUM not in st.session_state:
        st.session_state[_ALBUM] = ALBUMS.begin(st.context.ip_address)
    return st.session_state[_ALBUM]


def _picture(key: str, title: str, data: bytes, *, alt: str, credit: str) -> Picture:
    with _few_at_a_time:
        decoded = decode_reduced(data, shorter_edge=PREVIEW_SIDE)
        small, thumbnail = (
            _smaller(decoded.image, within) for within in ((PREVIEW_SIDE, PREVIEW_SIDE), THUMBNAIL)
        )
    arrival = arrivals.known_of(data)
    return Picture(
        key=key,
        title=title,
        alt=alt,
        credit=credit,
        size=decoded.size,
        data=data,
        small=small,
        thumbnail=thumbnail,
        notes=decoded.notes if arrival is None else arrival.notes,
    )


def _smaller(image: Image.Image, within: tuple[int, int]) -> bytes:
    """A JPEG of the picture, no larger than this width and height."""
    small, file = image.copy(), io.BytesIO()
    small.thumbnail(within, Image.Resampling.LANCZOS)
    small.save(file, "JPEG", quality=92, subsampling="4:4:4")
    return file.getvalue()


def _unused(title: str, taken: set[str]) -> str:
    candidates = (title, *(f"{title} ({number})" for number in range(2, MAX_PICTURES + 2)))
    return next(candidate for candidate in candidates if candidate not in taken)
