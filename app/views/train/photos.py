"""The photos to learn from, drawn by code or uploaded as a zip of class folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, get_args

import numpy as np
import streamlit as st

from app import resources, widgets
from app.arrivals import tell_refusals
from app.markup import plain
from app.pictures import in_a_row
from app.state import Choice
from app.text import counted
from effnet_core.datasets.drawn import PER_CLASS, SHAPES, draw
from effnet_core.datasets.splits import AmbiguousFolders, FoldersAre
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
    """Photos that can be trained on: `read` gives their zip, `name` is for the run.

    `folders_are` is what was answered where the zip's folders may be splits or classes.
    """

    name: str
    source: str
    count: int
    classes: int
    easy: bool
    read: Callable[[], bytes]
    folders_are: FoldersAre | None = None


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
        "and val/ folders, by these or other usual names, only train/ is used.",
    )
    tell_refusals()
    if file is None:
        widgets.download("An example zip", resources.drawn_photos, EXAMPLE)
        st.caption(
            f"Up to {limit} MB and {jobs.limits.photos:,} photos. A photo is kept only as a small "
            "square on this server, until its run is removed; everyone who uses this server sees "
            "the names of runs and classes."
        )
        return None
    found, folders_are = _look(jobs, file, None), None
    if isinstance(found, AmbiguousFolders):
        st.warning(plain(str(found)))
        folders_are = st.segmented_control(
            "The folders are", get_args(FoldersAre), key=f"folders-{file.file_id}"
        )
        if folders_are is None:
            return None
        found = _look(jobs, file, folders_are)
    if isinstance(found, EffnetError):
        st.error(plain(str(found)))
        return None
    _tell(found)
    return Photos(
        name=PurePath(file.name).stem or "My photos",
        source="an uploaded zip",
        count=found.photos,
        classes=len(found.counts),
        easy=False,
        read=file.getvalue,
        folders_are=folders_are,
    )


def _look(
    jobs: TrainingJobs, file: UploadedFile, folders_are: FoldersAre | None
) -> Contents | EffnetError:
    """What the zip holds, or why it cannot be used as it is; looked up once."""
    known: tuple[str, dict[FoldersAre | None, Contents | EffnetError]]
    known = st.session_state.get(_LOOKED, ("", {}))
    if known[0] != file.file_id:
        known = st.session_state[_LOOKED] = (file.file_id, {})
    if folders_are not in known[1]:
        with st.spinner("Looking into the zip …"):
            try:
                known[1][folders_are] = jobs.look(file.getvalue(), folders_are)
            except EffnetError as error:
                known[1][folders_are] = error
    return known[1][folders_are]


def _tell(found: Contents) -> None:
    counts = [f"{plain(name)} {count:,}" for name, count in found.counts[:_CLASSES_NAMED]]
    rest = len(found.counts) - len(counts)
    more = f" and {rest} more" if rest else ""
    held = f"{counted(found.photos, 'photo')} of {counted(len(found.counts), 'class')}"
    st.caption(
        f"**{held}**: {', '.join(counts)}{more}."
        + (f" {found.validation:,} more for validation are not used." if found.validation else "")
    )
    if found.passed_over.pictures:
        st.warning(plain(found.passed_over.in_words))
    elif found.passed_over.in_words:
        st.caption(plain(found.passed_over.in_words))
    name, fewest = min(found.counts, key=lambda one: one[1])
    if fewest < _FEW:
        st.warning(
            f"“{plain(name)}” has only {counted(fewest, 'photo')}; some dozens of each class are "
            "better."
        )


@st.cache_resource(show_spinner=False)
def _strip() -> Image.Image:
    """One drawn picture of each shape, side by side."""
    shapes = [draw(shape, np.random.default_rng(place)) for place, shape in enumerate(SHAPES)]
    strip = in_a_row(shapes)
    return strip.resize((strip.width * 2, strip.height * 2))
