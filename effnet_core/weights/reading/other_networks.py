"""Networks that share an EfficientNet's first names and are something else, told as what they are.

timm's MobileNets, MixNets and MNASNets are built of the same modules, torchvision's MobileNets are
`features` too, and timm's RegNet has a stem of the name that this project gives its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from effnet_core.errors import CheckpointError
from effnet_core.weights.key_names import TITLES, Style, detect_style
from effnet_core.weights.tensor_files import Array

_BODIES: Mapping[str, tuple[str, str]] = {
    "transformers' EfficientNetModel": (
        r"(.*\.)?embeddings\.convolution\.weight",
        r"(.*\.)?encoder\.top_conv\.weight",
    ),
    "the features of torchvision's EfficientNet": (
        r"(.*\.)?0\.0\.weight",
        r"(.*\.)?1\.0\.block\.0\.0\.weight",
    ),
}
"""Bodies that are saved without what tells whose they are: two names that both have to be there."""

_BLOCKS: Mapping[Style, str] = {
    "own": r"stages\.\d+\.\d+\.\w+\.(conv|norm|reduce|expand)\..*",
    "torchvision": r"features\.\d+\.\d+\.block\.\d+\..*",
    "timm": r"bn2\..*",
    "lukemelas": r"_blocks\.\d+\..*",
    "transformers": r"efficientnet\.encoder\.blocks\.\d+\..*",
}
"""What every EfficientNet with names of a style has, and its neighbours have not."""

_MIXED = r"blocks\.\d+\.\d+\.conv_(dw|pwl?)\.\d+\.weight"


def require_style(tensors: Mapping[str, Array], file_name: str) -> Style:
    """Whose names an EfficientNet's tensors have; raises CheckpointError for any other network."""
    try:
        style = detect_style(tensors)
    except CheckpointError:
        for body, names in _BODIES.items():
            if all(_has(tensors, name) for name in names):
                raise CheckpointError(
                    f"{file_name} is {body}, which has no classification head; weights without "
                    "their last layer cannot say what a picture shows, so give a checkpoint that "
                    "has it."
                ) from None
        raise
    is_whole = style != "timm" or _has(tensors, r"(conv_head|classifier)\..*")
    if is_whole and not _has(tensors, _BLOCKS[style]):
        raise _other(file_name, style, "the rest is not")
    if style == "timm" and _has(tensors, _MIXED):
        raise _other(file_name, style, "it mixes kernels of several sizes, as MixNets do")
    if not _has(tensors, r".*\.running_mean"):
        raise _other(file_name, style, "it has no running statistics, as with group norm")
    return style


def _has(names: Iterable[str], pattern: str) -> bool:
    return any(re.fullmatch(pattern, name) for name in names)


def _other(file_name: str, style: Style, why: str) -> CheckpointError:
    whose = "this project's own" if style == "own" else TITLES[style]
    return CheckpointError(
        f"{file_name} is another network than the EfficientNets that are built here: its stem is "
        f"named as in {whose}, but {why}."
    )
