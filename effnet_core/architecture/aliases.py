"""What other libraries call these networks, and the conventions that a name of theirs stands for.

The same tensors are computed differently by different libraries: padding and batch-norm's eps are
in no tensor, so the name decides them. This module needs no torch.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from effnet_core.architecture.families import FAMILIES, PYTORCH, TENSORFLOW
from effnet_core.architecture.family import Conventions, Padding
from effnet_core.data.tables import NOT_BUILT_FILE, TIMM_FILE, read
from effnet_core.errors import InvalidInput

Library = Literal["own", "torchvision", "timm", "lukemelas", "transformers"]

VARIANTS: tuple[str, ...] = tuple(row.name for family in FAMILIES for row in family.published)
"""Published variants by this project's names, in the order of their papers."""

_TORCHVISION = re.compile(r"efficientnet_(b[0-7]|v2_[sml])")
# These two write a dash, in small letters; "EfficientNet-B0" is what the paper calls it.
_LUKEMELAS = re.compile(r"efficientnet-(b[0-8]|l2)")
_TRANSFORMERS = re.compile(r"google/efficientnet-(b[0-7])")
_EDGE = {"es": "edge-s", "em": "edge-m", "el": "edge-l"}
# Weights with many zeros, in networks of the usual shapes.
_SPARSE = {"efficientnet_es_pruned": "edge-s", "efficientnet_el_pruned": "edge-l"}


@dataclass(frozen=True)
class Named:
    """What an accepted name stands for.

    `library` is whose name it is; one of both torchvision and timm counts as torchvision's.
    `conventions` are None where they are the variant's own.
    """

    variant: str
    library: Library
    conventions: Conventions | None = None


def named(text: str) -> Named:
    """What the name `text` stands for.

    Raises InvalidInput: for a network that exists elsewhere but is not built here, saying what it
    is, and for any other text, naming the nearest known names.
    """
    name = text.strip()
    if match := _TRANSFORMERS.fullmatch(name):
        return Named(match[1], "transformers", TENSORFLOW)
    if match := _LUKEMELAS.fullmatch(name):
        return Named(match[1], "lukemelas", TENSORFLOW)
    name = name.lower()
    stem = name.partition(".")[0]
    variant = _variant(stem)
    if variant is None or (stem != name and name not in timm_names()):
        raise _refusal(text, name, stem)
    if stem == name and _TORCHVISION.fullmatch(name):
        return Named(variant, "torchvision")
    if name in timm_names() or stem.startswith("tf_"):
        return Named(variant, "timm", TENSORFLOW if stem.startswith("tf_") else PYTORCH)
    return Named(variant, "own")


def canonical_name(name: str) -> tuple[str, bool]:
    """This project's name for an accepted `name`, and whether it asks for TensorFlow's conventions.

    Raises InvalidInput as `named`.
    """
    found = named(name)
    return found.variant, found.conventions == TENSORFLOW


@cache
def timm_names() -> frozenset[str]:
    """Every name that timm has for a network that is built here, plain or with a tag."""
    return frozenset(row["name"] for row in read(TIMM_FILE))


def timm_name(variant: str, *, tensorflow: bool) -> str | None:
    """timm's plain name for a variant with those conventions; None where timm has none."""
    prefix = "tf_" if tensorflow else ""
    text = variant.replace("-", "_")
    text = next((word for word, own in _EDGE.items() if own == variant), text)
    name = f"{prefix}efficientnet{text if text.startswith('v2_') else f'_{text}'}"
    return name if name in timm_names() else None


def in_words(padding: Padding, bn_eps: float) -> str:
    """What a choice between two names changes, such as "same padding and batch-norm eps 0.001"."""
    return f"{padding} padding and batch-norm eps {bn_eps:g}"


def _variant(stem: str) -> str | None:
    """This project's name for a text without a tag, or None."""
    if stem in _SPARSE:
        return _SPARSE[stem]
    text = re.sub(r"^efficientnet_?", "", stem.replace("-", "_").removeprefix("tf_"))
    text = _EDGE.get(text, re.sub(r"^v2_?", "v2_", text).replace("_", "-"))
    return text if text in VARIANTS else None


def _refusal(text: str, name: str, stem: str) -> InvalidInput:
    for row in read(NOT_BUILT_FILE):
        if row["name"] == stem:
            return InvalidInput(
                f"{stem} exists in {row['library']} but is not built here: it is {row['what']}."
            )
    cutoff = 0.0 if name != stem and _variant(stem) is not None else 0.4
    near = difflib.get_close_matches(name, list(_candidates(name, stem)), n=3, cutoff=cutoff)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(VARIANTS)}."
    return InvalidInput(f"No EfficientNet is called {text!r:.80}; {hint}")


def _candidates(name: str, stem: str) -> Iterable[str]:
    """Names that may be meant, among them no two for the same tensors."""
    tags = sorted(each for each in timm_names() if each.startswith(f"{stem}."))
    own = _variant(stem)
    if name != stem and own is not None:
        return tags or [own]
    if name.startswith(("tf_", "efficientnet")):
        prefix = name.startswith("tf_")
        return sorted(
            each for each in timm_names() if "." not in each and each.startswith("tf_") == prefix
        )
    return VARIANTS
