"""The controls through which pictures come in: samples, files (browse, drop, paste), the camera."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app import pictures, widgets
from app.arrivals import let_go, tell_refusals
from app.markup import plain
from app.pictures import Picture
from app.state import Several
from effnet_core.images import FORMATS_SENTENCE
from effnet_core.images.costly import LIMITS
from effnet_core.images.kinds import SUFFIXES
from effnet_core.images.samples import sample_images
from effnet_core.limits import PICTURE_UPLOAD_MEGABYTES

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_NAMES = tuple(sample.name for sample in sample_images())
SAMPLES = Several(
    key="sample",
    label="Samples",
    options=_NAMES,
    default=_NAMES[:1],
    labels={name: name.capitalize() for name in _NAMES},
    help="Photos that scikit-image carries, free of rights.",
)

# Streamlit takes in what is pasted into its box once that has the focus, but a click on the box
# opens the file dialog: this hands it the files that are pasted elsewhere.
_PASTE = """<script>
if (!window.efficientnetPaste) {
  window.efficientnetPaste = true;
  document.addEventListener("paste", (event) => {
    const box = document.querySelector(
      "[class*='st-key-upload-'] [data-testid='stFileUploaderDropzone']");
    if (!box || box.contains(event.target) || !event.clipboardData?.files.length) return;
    event.preventDefault();
    box.dispatchEvent(
      new ClipboardEvent("paste", {clipboardData: event.clipboardData, bubbles: true}));
  });
}
</script>"""
# Without HEIC: where it is not on the list, telephones of Apple send a JPEG instead.
_TYPES = tuple(sorted(suffix.removeprefix(".") for suffix in SUFFIXES))
_ROUND = "pictures_taken_in"
_REFUSED = "pictures_refused"


def choose() -> tuple[Picture, ...]:
    """Draw the controls; return the session's own pictures, the latest first, then the samples."""
    taken = st.session_state.setdefault(_ROUND, 0)
    files = st.file_uploader(
        "Your pictures",
        type=_TYPES,
        accept_multiple_files=True,
        max_upload_size=PICTURE_UPLOAD_MEGABYTES,
        key=f"upload-{taken}",
        help=f"{FORMATS_SENTENCE}, at most {LIMITS}. Several at once are welcome.",
    )
    st.caption(
        "Browse, drop, or paste with Ctrl+V anywhere on this page. Pictures stay in this server's "
        "memory, for this session alone (a reload ends it), and are no part of the page's address."
    )
    st.html(_PASTE, unsafe_allow_javascript=True)
    tell_refusals()
    if st.toggle("Take a photo", key="camera"):
        photo = st.camera_input("Camera", key=f"photo-{taken}", resolution="720p")
        files = [*files, photo] if photo else files
    if files:
        _take_in(files)
    if pictures.made_room():
        st.warning(pictures.MADE_ROOM)
    for sentence in st.session_state.get(_REFUSED, ()):
        st.error(plain(sentence))
    # An address holds no empty choice: once there were own pictures, none is what it leaves out.
    samples = replace(SAMPLES, default=()) if taken else SAMPLES
    return (*pictures.uploads(), *map(pictures.sample, widgets.several_pills(samples)))


def _take_in(files: list[UploadedFile]) -> None:
    """Keep the files' pictures, not the files, and begin again with empty controls."""
    with st.spinner("Reading the pictures …"):
        refused = pictures.add_all((file.name, file.getvalue()) for file in files)
    let_go(files)
    st.session_state[_REFUSED] = refused
    st.session_state[_ROUND] += 1
    if len(refused) < len(files):
        st.session_state[SAMPLES.key] = []
    st.rerun()
