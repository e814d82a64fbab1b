"""The form that takes in a checkpoint of one's own, with its class names and preprocessing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import models, resources, widgets
from app.markup import plain
from app.views.classify import understood
from effnet_core.architecture.names import VARIANTS
from effnet_core.errors import InvalidInput
from effnet_core.images import INTERPOLATIONS, Preprocessing
from effnet_core.limits import CHECKPOINT_UPLOAD_MEGABYTES
from effnet_core.weights.tensor_files import SUFFIXES

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from effnet_core.architecture.outputs import Activation
    from effnet_core.weights.reading.understood import Understood

_ROUND = "checkpoints_taken_in"
_ACTIVATIONS: dict[Activation, str] = {
    "softmax": "One class of several (softmax)",
    "sigmoid": "Each class by itself (sigmoid)",
}
_BY_HAND = ("resize", "crop", "interpolation", "mean", "std")
_FIELDS = ("architecture", "names", "activation", "weights-key", "by-hand")
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
            "torchvision, timm or lukemelas' repository: other files hold no tensors that can be "
            "read without running code. Code in a file never runs."
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


def _by_hand(taken: int) -> Preprocessing | None:
    """The preprocessing in the fields; None while they are not drawn yet. Raises InvalidInput."""
    held: dict[str, Any] = {name: st.session_state.get(f"{name}-{taken}") for name in _BY_HAND}
    if None in held.values():
        return None
    return Preprocessing(
        resize=int(held["resize"]),
        crop=int(held["crop"]),
        interpolation=held["interpolation"],
        mean=_numbers(held["mean"]),
        std=_numbers(held["std"]),
    )


def _draw_preprocessing(taken: int, found: Preprocessing | None) -> None:
    if not st.checkbox("Give the preprocessing by hand", key=f"by-hand-{taken}"):
        return
    start = found or Preprocessing.imagenet(224)
    _side("Shorter edge resized to", start.resize, f"resize-{taken}")
    _side("Crop, the network's input", start.crop, f"crop-{taken}")
    interpolations = list(INTERPOLATIONS)
    at = interpolations.index(start.interpolation)
    st.selectbox("Interpolation", interpolations, index=at, key=f"interpolation-{taken}")
    _colours("Mean (red, green, blue)", start.mean, f"mean-{taken}")
    _colours("Standard deviation (red, green, blue)", start.std, f"std-{taken}")


def _side(text: str, pixels: int, key: str) -> None:
    st.number_input(text, 8, 2048, pixels, required=True, key=key)


def _colours(text: str, values: tuple[float, ...], key: str) -> None:
    st.text_input(text, ", ".join(f"{value:g}" for value in values), key=key)


def _add(files: list[UploadedFile], options: dict[str, Any]) -> None:
    """Hand the checkpoint to the service and choose it; raises EffnetError."""
    (name, data), *others = understood.contents(files).items()
    card = resources.service().add_checkpoint(data, name, beside=dict(others), **options)
    if not models.add_own(card):
        st.toast(plain(f"{name[:80]} had been added before, with the same settings."))
    st.session_state[_ROUND] += 1
    st.rerun()


def _numbers(text: str) -> tuple[float, ...]:
    """Three numbers, or one for a network that is fed grey."""
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
