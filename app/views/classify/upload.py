"""The form that takes in a checkpoint of one's own, with its class names and preprocessing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import models, resources, widgets
from app.arrivals import let_go
from app.markup import plain
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
    from effnet_core.images import Preprocessing
    from effnet_core.weights.reading.understood import Understood

_ROUND = "checkpoints_taken_in"
_TOLD = "checkpoint_told"
_ACTIVATIONS: dict[Activation, str] = {
    "softmax": "One class of several (softmax)",
    "sigmoid": "Each class by itself (sigmoid)",
}
_BY_HAND = ("resize", "crop", "crop-mode", "interpolation", "mean", "std")
_FIELDS = ("architecture", "names", "activation", "weights-key", "by-hand")
_CROP_MODES: dict[CropMode, str] = {
    "center": "The shorter one, keeping proportions",
    "squash": "Both, whatever the proportions",
}
_AS_SAID = "As the file says"
_TF_NAMES = ("tf_efficientnet_b0", "tf_efficientnetv2_b0", "tf_efficientnetv2_s")


def draw() -> None:
    """Draw the form; what is added is chosen at once."""
    if (told := st.session_state.pop(_TOLD, None)) is not None:  # of the run before this one
        st.toast(plain(told))
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
        found = understood.draw(files, partial(_options, taken)) if files else None
        network = models.network_title(found[0].architecture or "") if found else "this model"
        added = st.button(
            f"Add {network}",
            key="add-checkpoint",
            type="primary" if found else "secondary",
            disabled=found is None,
            width="stretch",
        )
        if added and found:
            with widgets.told(), st.spinner("Reading and checking the checkpoint …"):
                _add(files, found[1])
        st.caption("It stays in this server's memory and is known to this session alone.")
        _draw_fields(taken, found[0] if found else None)


def _draw_fields(taken: int, found: Understood | None) -> None:
    """Draw what can be overruled, each filled with what was recognised."""
    st.selectbox(
        "Architecture",
        (*VARIANTS, *_TF_NAMES),
        index=None,
        accept_new_options=True,
        placeholder=(found and found.architecture) or "As the file says",
        key=f"architecture-{taken}",
        help="Names of torchvision and timm are understood too. b0 and tf_efficientnet_b0 fit the "
        "same file but answer differently: tf_… means TensorFlow's padding and batch-norm eps, "
        "which the file does not tell.",
    )
    st.file_uploader(
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
    st.selectbox(
        "Probabilities",
        list(_ACTIVATIONS),
        index=None,
        format_func=_ACTIVATIONS.__getitem__,
        placeholder=_ACTIVATIONS[found.activation] if found else "As the file says",
        key=f"activation-{taken}",
        help="How the network was trained: with one label a photo (softmax), or with any number of "
        "labels, each judged by itself (sigmoid). One output is always judged by itself: its "
        "class, or not. Of two names the second is then the one that the output speaks for.",
    )
    st.text_input(
        "Weights key",
        key=f"weights-key-{taken}",
        placeholder="Averaged weights before plain ones",
        help="Which network, where a file holds several, such as model_ema or state_dict.",
    )
    _draw_preprocessing(taken, found.preprocessing if found else None)


def _options(taken: int) -> dict[str, Any]:
    """What the form overrules, as the service takes it; raises InvalidInput."""
    from effnet_core.service import parse_class_names

    held: dict[str, Any] = {name: st.session_state.get(f"{name}-{taken}") for name in _FIELDS}
    names = held["names"]
    return {
        "architecture": held["architecture"] or None,
        "classes": parse_class_names(names.getvalue()) if names else None,
        "preprocessing": _by_hand(taken) if held["by-hand"] else None,
        "activation": held["activation"],
        "weights_key": (held["weights-key"] or "").strip() or None,
    }


def _by_hand(taken: int) -> Settings:
    """What the fields say of the preprocessing; raises InvalidInput for what is no number."""
    held = {name: st.session_state.get(f"{name}-{taken}") for name in _BY_HAND}
    return Settings(
        resize=_whole(held["resize"]),
        crop=_whole(held["crop"]),
        crop_mode=held["crop-mode"],
        interpolation=held["interpolation"],
        mean=_numbers(held["mean"] or ""),
        std=_numbers(held["std"] or ""),
    )


def _draw_preprocessing(taken: int, found: Preprocessing | None) -> None:
    """Draw fields that overrule one value each; an empty one shows what holds."""
    if not st.checkbox("Give the preprocessing by hand", key=f"by-hand-{taken}"):
        return
    st.caption("What stays empty is taken as the file, or its library, says.")
    _side("Shorter edge resized to", found.resize if found else None, f"resize-{taken}")
    _side("Crop, the network's input", found.crop if found else None, f"crop-{taken}")
    modes: list[CropMode] = ["center", "squash"]
    mode = found and _CROP_MODES["squash" if found.squash else "center"]
    st.selectbox(
        "Which edges are resized",
        modes,
        index=None,
        format_func=_CROP_MODES.__getitem__,
        placeholder=mode or _AS_SAID,
        key=f"crop-mode-{taken}",
    )
    st.selectbox(
        "Interpolation",
        list(INTERPOLATIONS),
        index=None,
        placeholder=(found and found.interpolation) or _AS_SAID,
        key=f"interpolation-{taken}",
    )
    mean, std = (found.mean, found.std) if found else (IMAGENET_MEAN, IMAGENET_STD)
    _colours("Mean (red, green, blue)", mean, f"mean-{taken}")
    _colours("Standard deviation (red, green, blue)", std, f"std-{taken}")


def _side(text: str, pixels: int | None, key: str) -> None:
    st.number_input(
        text, 8, 2048, None, step=1, placeholder=str(pixels) if pixels else _AS_SAID, key=key
    )


def _colours(text: str, values: tuple[float, ...], key: str) -> None:
    st.text_input(text, placeholder=", ".join(f"{value:g}" for value in values), key=key)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _add(files: list[UploadedFile], options: dict[str, Any]) -> None:
    """Hand the checkpoint to the service and choose it; raises EffnetError."""
    (name, data), *others = understood.contents(files).items()
    card = resources.service().add_checkpoint(data, name, beside=dict(others), **options)
    if not models.add_own(card):
        st.session_state[_TOLD] = f"{name[:80]} had been added before, with the same settings."
    let_go(files)
    st.session_state[_ROUND] += 1
    st.rerun()


def _numbers(text: str) -> tuple[float, ...] | None:
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
