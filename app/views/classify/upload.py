"""The form that takes in a checkpoint of one's own, with its class names and preprocessing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.models import ADDED, OWN, label
from app.views.classify import understood
from effnet_core.architecture.names import VARIANTS
from effnet_core.errors import InvalidInput
from effnet_core.images import IMAGENET_MEAN, IMAGENET_STD, INTERPOLATIONS
from effnet_core.limits import CHECKPOINT_UPLOAD_MEGABYTES
from effnet_core.weights.reading.settings import CropMode, Settings
from effnet_core.weights.tensor_files import SUFFIXES

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from effnet_core.architecture.outputs import Activation

ByHand = Callable[[], Settings]
"""Gives what the form says of the preprocessing; raises InvalidInput for fields that are wrong."""

_ROUND = "checkpoints_taken_in"
_ACTIVATIONS: dict[Activation, str] = {
    "softmax": "One class of several (softmax)",
    "sigmoid": "Each class by itself (sigmoid)",
}
_CROP_MODES: dict[CropMode, str] = {
    "center": "The shorter one, keeping proportions",
    "squash": "Both, whatever the proportions",
}
_AS_SAID = "As the file says"
_TF_NAMES = ("tf_efficientnet_b0", "tf_efficientnetv2_b0", "tf_efficientnetv2_s")


def draw() -> None:
    """Draw the form; what is added is chosen at once."""
    with st.expander("Your own checkpoint"):
        taken = st.session_state.setdefault(_ROUND, 0)
        files = st.file_uploader(
            "Weights",
            accept_multiple_files=True,
            max_upload_size=CHECKPOINT_UPLOAD_MEGABYTES,
            key=f"checkpoint-{taken}",
            help="One weights file, with the config.json or preprocessor_config.json beside it if "
            "there is one, or a .zip of the folder.",
        )
        st.caption(
            f"Takes {', '.join(SUFFIXES)} and .zip, as trainers write them, of this project, "
            "torchvision, timm, transformers or lukemelas' repository: other files hold no tensors "
            "that can be read without running code. Code in a file never runs."
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
        st.caption(
            "Takes .txt with one name a line, .csv, or .json with a list of names, in the order of "
            "the network's outputs: a name is needed for each."
        )
        activation = _draw_activation(taken)
        key = st.text_input(
            "Weights key",
            key=f"weights-key-{taken}",
            placeholder="Averaged weights before plain ones",
            help="Which network, where a file holds several, such as model_ema or state_dict.",
        )
        preprocessing = _draw_preprocessing(taken)
        options = partial(_options, architecture, names, key, activation, preprocessing)
        is_ready = bool(files) and understood.draw(files, options)
        if st.button("Add this model", disabled=not is_ready, width="stretch") and is_ready:
            with widgets.told(), st.spinner("Reading and checking the checkpoint …"):
                _add(files, options())
        st.caption("It stays in this server's memory and is known to this session alone.")


def _draw_activation(taken: int) -> Activation | None:
    """What makes probabilities of the logits, or None to take what the file says."""
    chosen: Activation | None = st.selectbox(
        "Probabilities",
        list(_ACTIVATIONS),
        index=None,
        format_func=_ACTIVATIONS.__getitem__,
        placeholder="As the file says, or one class of several",
        key=f"activation-{taken}",
        help="How the network was trained: with one label a photo (softmax), or with any number of "
        "labels, each judged by itself (sigmoid). One output is always judged by itself: its "
        "class, or not. Of two names the second is then the one that the output speaks for.",
    )
    return chosen


def _options(
    architecture: str | None,
    names: UploadedFile | None,
    key: str,
    activation: Activation | None,
    by_hand: ByHand | None,
) -> dict[str, Any]:
    """What the form overrules, as the service takes it; raises InvalidInput."""
    from effnet_core.service import parse_class_names

    return {
        "architecture": architecture or None,
        "classes": parse_class_names(names.getvalue()) if names else None,
        "preprocessing": by_hand() if by_hand else None,
        "activation": activation,
        "weights_key": key.strip() or None,
    }


def _draw_preprocessing(taken: int) -> ByHand | None:
    """What is given of the preprocessing by hand, or None to take the file's or its library's."""
    if not st.checkbox("Give the preprocessing by hand", key=f"by-hand-{taken}"):
        return None
    st.caption("What stays empty is taken as the file, or its library, says.")
    resize = _side("Shorter edge resized to", f"resize-{taken}")
    crop = _side("Crop, the network's input", f"crop-{taken}")
    mode = st.selectbox(
        "Which edges are resized",
        list(_CROP_MODES),
        index=None,
        format_func=_CROP_MODES.__getitem__,
        placeholder=_AS_SAID,
        key=f"crop-mode-{taken}",
    )
    interpolation = st.selectbox(
        "Interpolation",
        list(INTERPOLATIONS),
        index=None,
        placeholder=_AS_SAID,
        key=f"interpolation-{taken}",
    )
    mean = _colours("Mean (red, green, blue)", IMAGENET_MEAN, f"mean-{taken}")
    std = _colours("Standard deviation (red, green, blue)", IMAGENET_STD, f"std-{taken}")
    return lambda: Settings(
        resize=resize,
        crop=crop,
        crop_mode=mode,
        interpolation=interpolation,
        mean=_triple(mean),
        std=_triple(std),
    )


def _side(text: str, key: str) -> int | None:
    value = st.number_input(text, 8, 2048, None, placeholder=_AS_SAID, key=key)
    return None if value is None else int(value)


def _colours(text: str, values: tuple[float, float, float], key: str) -> str:
    such = ", ".join(f"{value:g}" for value in values)
    return st.text_input(text, placeholder=_AS_SAID, key=key, help=f"ImageNet's are {such}.")


def _add(files: list[UploadedFile], options: dict[str, Any]) -> None:
    """Hand the checkpoint to the service and choose it; raises EffnetError."""
    (name, data), *others = understood.contents(files).items()
    card = resources.service().add_checkpoint(data, name, beside=dict(others), **options)
    own = (*st.session_state.get(OWN, ()), card.id)
    if card.id in own[:-1]:
        st.toast(plain(f"{name[:80]} had been added before, with the same settings."))
    st.session_state[OWN] = tuple(dict.fromkeys(own))
    st.session_state[ADDED] = label(card)
    st.session_state[_ROUND] += 1
    st.rerun()


def _triple(text: str) -> tuple[float, ...] | None:
    """Three numbers, or one for a network that is fed grey; None for an empty field."""
    if not text.strip():
        return None
    try:
        values = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        values = ()
    if len(values) not in (1, 3):
        raise InvalidInput(
            "Three numbers are expected, such as 0.485, 0.456, 0.406 (or one for grey); got "
            f"“{text[:60]}”."
        )
    return values
