"""Five libraries' names for the modules of one network. This module needs no torch.

Each style is a naming scheme for the same parts in the same order: a stem, the blocks' layers, the
head convolution and the classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.walk import Part, Step, walk
from effnet_core.errors import CheckpointError

Style = Literal["own", "torchvision", "timm", "lukemelas", "transformers"]

TITLES: dict[Style, str] = {
    "own": "this project",
    "torchvision": "torchvision",
    "timm": "timm",
    "lukemelas": "efficientnet-pytorch (lukemelas)",
    "transformers": "transformers",
}

CLASSIFIERS: dict[Style, str] = {
    "own": "classifier",
    "torchvision": "classifier.1",
    "timm": "classifier",
    "lukemelas": "_fc",
    "transformers": "classifier",
}

STEMS: dict[str, Style] = {
    "stem.conv.weight": "own",
    "features.0.0.weight": "torchvision",
    "conv_stem.weight": "timm",
    "_conv_stem.weight": "lukemelas",
    "efficientnet.embeddings.convolution.weight": "transformers",
}
"""The first convolution's weight (channels, input channels, 3, 3), by whose names it has."""


def detect_style(keys: Iterable[str]) -> Style:
    """Whose names a state dict's keys are, told by the stem; raises CheckpointError if nobody's."""
    found = list(keys)
    for stem, style in STEMS.items():
        if stem in found:
            return style
    raise CheckpointError(
        f"The checkpoint's {len(found)} tensors ({', '.join(found[:2])!s:.160}, …) are named as "
        f"none of {', '.join(TITLES.values())} names an EfficientNet's."
    )


def module_names(spec: ArchitectureSpec, style: Style) -> dict[str, str]:
    """For every module with tensors: its name in `style` → its name here, in network order.

    Raises CheckpointError if the style's library has no such network (fused blocks in lukemelas'
    and in transformers').
    """
    return dict(zip(_names(spec, style), _names(spec, "own"), strict=True))


def _names(spec: ArchitectureSpec, style: Style) -> Iterator[str]:
    """Every module with tensors, in the order of the steps that they belong to."""
    name = _NAMES[style]
    for place, part in enumerate(walk(spec, spec.resolution)):
        for step in part.steps:
            if step.kind == "linear":
                yield CLASSIFIERS[style]
            elif step.kind != "pool":
                yield from name(part, step, place)


def _own(part: Part, step: Step, place: int) -> Iterator[str]:
    for module in ("reduce", "expand") if step.kind == "squeeze_excite" else ("conv", "norm"):
        yield f"{part.prefix}{step.role}.{module}"


def _torchvision(part: Part, step: Step, place: int) -> Iterator[str]:
    prefix = f"features.{part.stage}"
    if part.block is not None:
        prefix += f".{part.block}.block.{part.steps.index(step)}"
    for module in ("fc1", "fc2") if step.kind == "squeeze_excite" else ("0", "1"):
        yield f"{prefix}.{module}"


def _timm(part: Part, step: Step, place: int) -> Iterator[str]:
    if part.block is None:
        yield from ("conv_stem", "bn1") if step.role == "stem" else ("conv_head", "bn2")
        return
    prefix = f"blocks.{part.stage - 1}.{part.block}"
    if step.kind == "squeeze_excite":
        yield f"{prefix}.se.conv_reduce"
        yield f"{prefix}.se.conv_expand"
        return
    convolutions = [one.role for one in part.steps if one.kind == "convolution"]
    names = {
        "expand": "conv_pw",
        "depthwise": "conv_dw",
        "fused": "conv" if convolutions == ["fused"] else "conv_exp",
        "project": "conv_pw" if convolutions[0] == "depthwise" else "conv_pwl",
    }
    yield f"{prefix}.{names[step.role]}"
    yield f"{prefix}.bn{convolutions.index(step.role) + 1}"


def _lukemelas(part: Part, step: Step, place: int) -> Iterator[str]:
    _require_no_fused(step, "efficientnet-pytorch")
    names = {
        "stem": ("_conv_stem", "_bn0"),
        "expand": ("_expand_conv", "_bn0"),
        "depthwise": ("_depthwise_conv", "_bn1"),
        "squeeze_excite": ("_se_reduce", "_se_expand"),
        "project": ("_project_conv", "_bn2"),
        "head": ("_conv_head", "_bn1"),
    }
    for module in names[step.role]:
        # The stem is the first part, so blocks count from the second.
        yield module if part.block is None else f"_blocks.{place - 1}.{module}"


def _transformers(part: Part, step: Step, place: int) -> Iterator[str]:
    _require_no_fused(step, "transformers")
    names = {
        "stem": ("embeddings.convolution", "embeddings.batchnorm"),
        "expand": ("expansion.expand_conv", "expansion.expand_bn"),
        "depthwise": ("depthwise_conv.depthwise_conv", "depthwise_conv.depthwise_norm"),
        "squeeze_excite": ("squeeze_excite.reduce", "squeeze_excite.expand"),
        "project": ("projection.project_conv", "projection.project_bn"),
        "head": ("encoder.top_conv", "encoder.top_bn"),
    }
    within = "" if part.block is None else f"encoder.blocks.{place - 1}."
    for module in names[step.role]:
        yield f"efficientnet.{within}{module}"


def _require_no_fused(step: Step, library: str) -> None:
    if step.role == "fused":
        raise CheckpointError(
            f"{library} has no networks with fused blocks, so a checkpoint with its names cannot "
            "be an EfficientNetV2."
        )


_NAMES: dict[Style, Callable[[Part, Step, int], Iterator[str]]] = {
    "own": _own,
    "torchvision": _torchvision,
    "timm": _timm,
    "lukemelas": _lukemelas,
    "transformers": _transformers,
}
