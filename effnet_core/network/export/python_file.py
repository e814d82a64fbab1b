"""A network as one Python file that needs torch alone, written from its spec.

The file is `standalone.py`, which is a working module of this package, with the lines between its
two marks replaced by the constants of the network.
"""

from __future__ import annotations

import pprint
from collections.abc import Sequence
from importlib import resources

from effnet_core.architecture.outputs import Activation
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.images import Preprocessing

_BEGIN, _END = "# <network>\n", "# </network>\n"


def to_python(
    spec: ArchitectureSpec,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> str:
    """Source text of a module with `EfficientNet`, `build(weights)` and a `main` that runs.

    Its parameters have the names of `model.EfficientNet`, so the same state dict loads strictly.
    Without `preprocessing` the usual ImageNet evaluation at the spec's resolution is written, and
    without `activation` softmax, of one logit sigmoid.
    """
    template = resources.files(__package__).joinpath("standalone.py").read_text(encoding="utf-8")
    before, rest = template.split(_BEGIN)
    after = rest.split(_END)[1]
    chosen = preprocessing or Preprocessing.imagenet(spec.resolution)
    meant = activation or ("sigmoid" if spec.num_classes == 1 else "softmax")
    return before + _constants(spec, classes, chosen, meant) + after


def _constants(
    spec: ArchitectureSpec, classes: Sequence[str], chosen: Preprocessing, meant: Activation
) -> str:
    sizes = (spec.in_channels, spec.stem_channels, spec.head_channels, spec.num_classes)
    lines = (
        f"NAME = {spec.name!r}",
        f"RESOLUTION = {chosen.crop}",
        f"RESIZE = {chosen.resize}",
        f"SQUASH = {chosen.squash}",
        f"INTERPOLATION = {chosen.interpolation!r}",
        f"MEAN = {chosen.mean!r}",
        f"STD = {chosen.std!r}",
        f"IN_CHANNELS, STEM_CHANNELS, HEAD_CHANNELS, NUM_CLASSES = {sizes!r}",
        f"ACTIVATION = {spec.activation!r}",
        f"DROPOUT = {spec.dropout!r}",
        f"BN_EPS, BN_MOMENTUM = {spec.bn_eps!r}, {spec.bn_momentum!r}",
        f'PADDING = {spec.padding!r}  # "symmetric" as PyTorch pads, "same" as TensorFlow does',
        "BLOCKS = (",
        *(f"    BlockRow{_row(block)!r}," for block in spec.blocks),
        ")",
        f"CLASSES: tuple[str, ...] = {pprint.pformat(tuple(classes), width=96, compact=True)}",
        f'PROBABILITIES = {meant!r}  # of the logits: "softmax", or "sigmoid" for each by itself',
    )
    return "\n".join(lines) + "\n"


def _row(block: BlockSpec) -> tuple[str | int | float, ...]:
    """A block's fields in the order of `standalone.BlockRow`, without those at their defaults."""
    rare = () if block.shortcut and block.projects else (block.shortcut, block.projects)
    return (
        block.operator,
        block.stage,
        block.kernel,
        block.stride,
        block.in_channels,
        block.expanded_channels,
        block.squeeze_channels,
        block.out_channels,
        block.drop_path,
        *rare,
    )
