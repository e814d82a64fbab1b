"""The photos to learn from, drawn by code or uploaded as a zip of class folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.pictures import in_a_row
from app.state import Choice
from effnet_core.datasets.drawn import PER_CLASS, SHAPES, draw
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from effnet_core.service.training.jobs import TrainingJobs
    from effnet_core.service.training.orders import Contents

DRAWN, ZIP = "shapes", "zip"
KIND = Choice(
    key="photos",
    label="Photos",
    options=(DRAWN, ZIP),
    default=DRAWN,
    labels={DRAWN: "Drawn shapes", ZIP: "Your own zip"},
)
FIELDS = (KIND,)

EXAMPLE = "drawn-shapes.zip"
_LOOKED = "train-zip-contents"
_CLASSES_NAMED = 12
_FEW = 20


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Photos that can be trained on: `read` gives their zip, `name` is for the run."""

    name: str
    source: str
    count: int
    classes: int
    easy: bool
    read: Callable[[], bytes]


def choose(jobs: TrainingJobs) -> Photos | None:
    """Draw the choice; None until there are photos that can be used."""
    if widgets.segmented(KIND, width="stretch") == DRAWN:
        return _choose_drawn()
    return _choose_zip(jobs)


def _choose_drawn() -> Photos:
    st.image(_strip(), width="stretch", alt="A circle, a square, a star and a triangle, drawn.")
    count = PER_CLASS * len(SHAPES)
    st.caption(f"{count} pictures drawn by this program, for a first run without your own photos.")
    return Photos(
        name="Drawn shapes",
        source="shapes drawn by this program",
        count=count,
        classes=len(SHAPES),
        easy=True,
        read=resources.drawn_photos,
    )


def _choose_zip(jobs: TrainingJobs) -> Photos | None:
    limit = jobs.limits.upload_bytes // 1_000_000
    file = st.file_uploader(
        "A zip with one folder for each class",
        type=("zip",),
        max_upload_size=limit,
        key="train-zip",
        help="cats.zip might hold the folders tabby/ and siamese/ with photos in each. With train/ "
        "and val/ folders, only train/ is used.",
    )
    if file is None:
        widgets.download("An example zip", resources.drawn_photos, EXAMPLE)
        st.caption(
            f"Up to {limit} MB and {jobs.limits.photos:,} photos. A photo is kept only as a small "
            "square on this server, until its run is removed; everyone who uses this server sees "
            "the names of runs and classes."
        )
        return None
    found = _look(jobs, file)
    if isinstance(found, str):
        st.error(plain(found))
        return None
    _tell(found)
    return Photos(
        name=PurePath(file.name).stem or "My photos",
        source="an uploaded zip",
        count=found.photos,
        classes=len(found.counts),
        easy=False,
        read=file.getvalue,
    )


def _look(jobs: TrainingJobs, file: UploadedFile) -> Contents | str:
    """What the zip holds, or the sentence that says why it cannot be used; looked up once."""
    known: tuple[str, Contents | str] | None = st.session_state.get(_LOOKED)
    if known is None or known[0] != file.file_id:
        with st.spinner("Looking into the zip …"):
            try:
                found: Contents | str = jobs.look(file.getvalue())
            except EffnetError as error:
                found = str(error)
        known = st.session_state[_LOOKED] = (file.file_id, found)
    return known[1]


def _tell(found: Contents) -> None:
    counts = [f"{plain(name)} {count:,}" for name, count in found.counts[:_CLASSES_NAMED]]
    rest = len(found.counts) - len(counts)
    more = f" and {rest} more" if rest else ""
    st.caption(
        f"**{found.photos:,} photos of {len(found.counts)} classes**: {', '.join(counts)}{more}."
        + (f" {found.validation:,} more for validation are not used." if found.validation else "")
    )
    name, fewest = min(found.counts, key=lambda one: one[1])
    if fewest < _FEW:
        photos = "photo" if fewest == 1 else "photos"
        st.warning(
            f"“{plain(name)}” has only {fewest} {photos}; some dozens of each class are better."
        )


@st.cache_resource(show_spinner=False)
def _strip() -> Image.Image:
    """One drawn picture of each shape, side by side."""
    shapes = [draw(shape, np.random.default_rng(place)) for place, shape in enumerate(SHAPES)]
    strip = in_a_row(shapes)
    return strip.resize((strip.width * 2, strip.height * 2))
