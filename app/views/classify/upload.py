"""The form that takes in a checkpoint of one's own, with its class names and preprocessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.models import ADDED, OWN, label
from effnet_core.architecture.names import VARIANTS
from effnet_core.errors import InvalidInput
from effnet_core.images import IMAGENET_MEAN, IMAGENET_STD, INTERPOLATIONS, Preprocessing
from effnet_core.limits import CHECKPOINT_UPLOAD_MEGABYTES

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

ByHand = Callable[[], Preprocessing]
"""Gives the preprocessing that the form's fields hold; raises InvalidInput where they are wrong."""

_ROUND = "checkpoints_taken_in"
_TF_NAMES = ("tf_efficientnet_b0", "tf_efficientnetv2_b0", "tf_efficientnetv2_s")


def draw() -> None:
    """Draw the form; what is added is chosen at once."""
    with st.expander("Your own checkpoint"):
        taken = st.session_state.setdefault(_ROUND, 0)
        file = st.file_uploader(
            "Weights",
            type=("safetensors", "pth", "pt"),
            max_upload_size=CHECKPOINT_UPLOAD_MEGABYTES,
            key=f"checkpoint-{taken}",
            help="From this project, torchvision, timm or lukemelas' repository. A .pth file is "
            "read as tensors alone: code in it never runs.",
        )
        architecture = st.selectbox(
            "Architecture",
            (*VARIANTS, *_TF_NAMES),
            index=None,
            accept_new_options=True,
            placeholder="As the file says",
            key=f"architecture-{taken}",
            help="Needed where the file does not say it. Names of torchvision and timm are "
            "understood too. b0 and tf_efficientnet_b0 fit the same file but answer differently: "
            "tf_… means TensorFlow's padding and batch-norm eps, which the file does not tell.",
        )
        names = st.file_uploader(
            "Class names",
            type=("txt", "json", "csv"),
            max_upload_size=4,
            key=f"names-{taken}",
            help="One name a line in index order, or a JSON list. Optional.",
        )
        preprocessing = _draw_preprocessing(taken)
        if st.button("Add this model", disabled=file is None, width="stretch") and file is not None:
            with widgets.told(), st.spinner("Reading and checking the checkpoint …"):
                _add(file, architecture, names, preprocessing)
        st.caption("It stays in this server's memory and is known to this session alone.")


def _draw_preprocessing(taken: int) -> ByHand | None:
    """The preprocessing given by hand, or None to take the file's or the architecture's."""
    if not st.checkbox("Give the preprocessing by hand", key=f"by-hand-{taken}"):
        return None
    resize = _side("Shorter edge resized to", 256, f"resize-{taken}")
    crop = _side("Crop, the network's input", 224, f"crop-{taken}")
    interpolation = st.selectbox(
        "Interpolation", list(INTERPOLATIONS), index=4, key=f"interpolation-{taken}"
    )
    mean = _colours("Mean (red, green, blue)", IMAGENET_MEAN, f"mean-{taken}")
    std = _colours("Standard deviation (red, green, blue)", IMAGENET_STD, f"std-{taken}")
    return lambda: Preprocessing(
        resize=resize,
        crop=crop,
        interpolation=interpolation,
        mean=_triple(mean),
        std=_triple(std),
    )


def _side(text: str, pixels: int, key: str) -> int:
    return int(st.number_input(text, 8, 2048, pixels, required=True, key=key))


def _colours(text: str, values: tuple[float, float, float], key: str) -> str:
    return st.text_input(text, ", ".join(f"{value:g}" for value in values), key=key)


def _add(
    file: UploadedFile,
    architecture: str | None,
    names: UploadedFile | None,
    by_hand: ByHand | None,
) -> None:
    """Hand the checkpoint to the service and choose it; raises EffnetError."""
    from effnet_core.service import parse_class_names

    card = resources.service().add_checkpoint(
        file.getvalue(),
        file.name,
        architecture=architecture or None,
        classes=parse_class_names(names.getvalue()) if names else None,
        preprocessing=by_hand() if by_hand else None,
    )
    own = (*st.session_state.get(OWN, ()), card.id)
    if card.id in own[:-1]:
        st.toast(plain(f"{file.name[:80]} had been added before, with the same settings."))
    st.session_state[OWN] = tuple(dict.fromkeys(own))
    st.session_state[ADDED] = label(card)
    st.session_state[_ROUND] += 1
    st.rerun()


def _triple(text: str) -> tuple[float, float, float]:
    try:
        red, green, blue = (float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise InvalidInput(
            f"Three numbers are expected, such as 0.485, 0.456, 0.406; got “{text[:60]}”."
        ) from None
    return red, green, blue
