"""Four libraries' names for the modules of one network. This module needs no torch.

Each style is a naming scheme for the same parts in the same order: a stem, the blocks' layers, the
head convolution and the classifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.errors import CheckpointError

Style = Literal["own", "torchvision", "timm", "lukemelas"]

TITLES: dict[Style, str] = {
    "own": "this project",
    "torchvision": "torchvision",
    "timm": "timm",
    "lukemelas": "efficientnet-pytorch (lukemelas)",
}

CLASSIFIERS: dict[Style, str] = {
    "own": "classifier",
    "torchvision": "classifier.1",
    "timm": "classifier",
    "lukemelas": "_fc",
}

_STEMS: dict[str, Style] = {
    "stem.conv.weight": "own",
    "features.0.0.weight": "torchvision",
    "conv_stem.weight": "timm",
    "_conv_stem.weight": "lukemelas",
}


def detect_style(keys: Iterable[str]) -> Style:
    """Whose names a state dict's keys are, told by the stem; raises CheckpointError if nobody's."""
    found = list(keys)
    for stem, style in _STEMS.items():
        if stem in found:
            return style
    raise CheckpointError(
        f"The checkpoint's {len(found)} tensors ({', '.join(found[:2])!s:.160}, …) are named as "
        f"none of {', '.join(TITLES.values())} names an EfficientNet's."
    )


def module_names(spec: ArchitectureSpec, style: Style) -> dict[str, str]:
    """For every module with tensors: its name in `style` → its name here, in network order.

    Raises CheckpointError if the style's library has no such network (fused blocks in lukemelas').
    """
    return dict(zip(_names(spec, style), _names(spec, "own"), strict=True))


def _names(spec: ArchitectureSpec, style: Style) -> Iterator[str]:
    last = spec.stage_count + 1
    stem, head = {
        "own": (("stem.conv", "stem.norm"), ("head.conv", "head.norm")),
        "torchvision": (
            ("features.0.0", "features.0.1"),
            (f"features.{last}.0", f"features.{last}.1"),
        ),
        "timm": (("conv_stem", "bn1"), ("conv_head", "bn2")),
        "lukemelas": (("_conv_stem", "_bn0"), ("_conv_head", "_bn1")),
    }[style]
    yield from stem
    for position, block in enumerate(spec.blocks):
        if style == "own":
            yield from _own_block(block)
        elif style == "torchvision":
            yield from _torchvision_block(block)
        elif style == "timm":
            yield from _timm_block(block)
        else:
            yield from _lukemelas_block(block, position)
    yield from head
    yield CLASSIFIERS[style]


def _layers(block: BlockSpec) -> tuple[str, ...]:
    """The block's layers in order; each has two modules with tensors."""
    if block.operator == "fused_mbconv":
        return ("fused", "project") if block.expands else ("fused",)
    expand = ("expand",) if block.expands else ()
    squeeze = ("squeeze_excite",) if block.squeeze_channels else ()
    return (*expand, "depthwise", *squeeze, "project")


def _own_block(block: BlockSpec) -> Iterator[str]:
    for layer in _layers(block):
        for part in ("reduce", "expand") if layer == "squeeze_excite" else ("conv", "norm"):
            yield f"stages.{block.stage}.{block.index}.{layer}.{part}"


def _torchvision_block(block: BlockSpec) -> Iterator[str]:
    for number, layer in enumerate(_layers(block)):
        for part in ("fc1", "fc2") if layer == "squeeze_excite" else ("0", "1"):
            yield f"features.{block.stage}.{block.index}.block.{number}.{part}"


def _timm_block(block: BlockSpec) -> Iterator[str]:
    convolutions = {
        "expand": "conv_pw",
        "depthwise": "conv_dw",
        "fused": "conv_exp" if block.expands else "conv",
        "project": "conv_pwl" if block.expands else "conv_pw",
    }
    prefix, norms = f"blocks.{block.stage - 1}.{block.index}", 0
    for layer in _layers(block):
        if layer == "squeeze_excite":
            yield f"{prefix}.se.conv_reduce"
            yield f"{prefix}.se.conv_expand"
        else:
            norms += 1
            yield f"{prefix}.{convolutions[layer]}"
            yield f"{prefix}.bn{norms}"


def _lukemelas_block(block: BlockSpec, position: int) -> Iterator[str]:
    if block.operator == "fused_mbconv":
        raise CheckpointError(
            "efficientnet-pytorch has no networks with fused blocks, so a checkpoint with its "
            "names cannot be an EfficientNetV2."
        )
    parts = {
        "expand": ("_expand_conv", "_bn0"),
        "depthwise": ("_depthwise_conv", "_bn1"),
        "squeeze_excite": ("_se_reduce", "_se_expand"),
        "project": ("_project_conv", "_bn2"),
    }
    for layer in _layers(block):
        for part in parts[layer]:
            yield f"_blocks.{position}.{part}"
