"""The network that a `config.json` of transformers' EfficientNet describes; no torch.

transformers pads as Keras does, fixed when the network is built: one pixel less before than after
at every stride, or alike on both sides in the blocks that `depthwise_padding` lists. At the side
that the configuration is for, this is TensorFlow's "same" padding if just the blocks are listed
that meet an odd side, as in all of Google's own; at such sides alone such a network is built here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from effnet_core.architecture.families import TENSORFLOW, V1
from effnet_core.architecture.scaling import ScalingCoefficients
from effnet_core.architecture.spec import ArchitectureSpec, Rate, Ratio, expand
from effnet_core.errors import CheckpointError
from effnet_core.files import Unfit, conform
from effnet_core.limits import MAX_CLASSES, RESOLUTION_MAX, RESOLUTION_MIN
from effnet_core.weights.reading.computation import ACTIVATIONS, Computation

Whole = Annotated[int, Meta(ge=0, le=MAX_CLASSES)]
_STAGES = V1.stages
_TABLE = {
    "in_channels": (V1.stem_channels, *(stage.channels for stage in _STAGES[:-1])),
    "out_channels": tuple(stage.channels for stage in _STAGES),
    "kernel_sizes": tuple(stage.kernel for stage in _STAGES),
    "strides": tuple(stage.stride for stage in _STAGES),
    "num_block_repeats": tuple(stage.repeats for stage in _STAGES),
    "expand_ratios": tuple(stage.expand_ratio for stage in _STAGES),
    "squeeze_expansion_ratio": _STAGES[0].squeeze_ratio,
    "depth_divisor": 8,
    "pooling_type": "mean",
}
"""What a configuration may say in one way alone, which is also what it means by silence."""


@dataclass(frozen=True, kw_only=True)
class _Config:
    """What may differ; the defaults are transformers' own."""

    image_size: Annotated[int, Meta(ge=RESOLUTION_MIN, le=RESOLUTION_MAX)] = 600
    num_channels: Annotated[int, Meta(ge=1, le=4)] = 3
    width_coefficient: Ratio = 2.0
    depth_coefficient: Ratio = 3.1
    hidden_dim: Whole = 2560
    hidden_act: str = "swish"
    depthwise_padding: tuple[Whole, ...] = ()
    batch_norm_eps: Annotated[float, Meta(ge=1e-12, le=1)] = 1e-3
    dropout_rate: Rate = 0.5
    drop_connect_rate: Rate = 0.2
    id2label: dict[str, str] | None = None
    num_labels: Annotated[int, Meta(ge=1, le=MAX_CLASSES)] | None = None


def network(values: Mapping[str, Any]) -> tuple[ArchitectureSpec, Computation]:
    """The network of a configuration, and how it is computed.

    It has its published name where its table is one's. Whether its padding is built here depends
    on the side of its pictures (`require_same_padding`). Raises CheckpointError: no EfficientNet's,
    values out of range, or a network that is not built here (another stage table, pooling or
    activation).
    """
    if values.get("model_type") != "efficientnet":
        raise _refusal("it is not that of an EfficientNet")
    held = {name: value for name, value in values.items() if value is not None}
    for name, only in _TABLE.items():
        stated = held.get(name, only)
        if (tuple(stated) if isinstance(stated, list) else stated) != only:
            raise _refusal(f"its {name} differs from EfficientNet's, which alone is built here")
    try:
        config = conform(held, _Config, closed=False)
    except Unfit as error:
        raise _refusal(str(error)) from None
    if config.hidden_act not in ACTIVATIONS:
        raise _refusal(f"its activation {config.hidden_act!r:.40} is not built here")
    spec = _expanded(config)
    if spec.head_channels != config.hidden_dim:
        raise _refusal(
            f"its hidden_dim is {config.hidden_dim} where its width makes {spec.head_channels}"
        )
    computed = Computation(
        activation=spec.activation,
        bn_eps=spec.bn_eps,
        padding=spec.padding,
        fixed_padding=config.depthwise_padding,
    )
    return spec, computed


def _expanded(config: _Config) -> ArchitectureSpec:
    ratios = (config.width_coefficient, config.depth_coefficient)
    rows = {(row.width, row.depth): row.name for row in V1.published}
    coefficients = ScalingCoefficients(
        config.depth_coefficient, config.width_coefficient, config.image_size, config.dropout_rate
    )
    labels = len(config.id2label or ()) or 2  # transformers' default
    spec = expand(
        V1,
        coefficients,
        name=rows.get(ratios, "transformers' own"),
        num_classes=config.num_labels or labels,
        conventions=dataclasses.replace(TENSORFLOW, bn_eps=config.batch_norm_eps),
    )
    return dataclasses.replace(
        spec,
        activation=ACTIVATIONS[config.hidden_act],
        in_channels=config.num_channels,
        stochastic_depth=config.drop_connect_rate,
        blocks=tuple(
            dataclasses.replace(
                block, drop_path=config.drop_connect_rate * place / len(spec.blocks)
            )
            for place, block in enumerate(spec.blocks)
        ),
    )


def require_same_padding(spec: ArchitectureSpec, fixed: Collection[int]) -> None:
    """Raise CheckpointError unless padding alike in the blocks `fixed` is "same" at its side."""
    side, odd = -(-spec.resolution // 2), set()
    for place, block in enumerate(spec.blocks):
        if block.stride == 2:
            odd |= {place} if side % 2 else set()
            side = -(-side // 2)
    strided = {place for place, block in enumerate(spec.blocks) if block.stride == 2}
    if spec.resolution % 2 or odd != strided & set(fixed):
        raise _refusal(
            f"its depthwise_padding is not for pictures of {spec.resolution} pixels, and padding "
            "that the picture does not decide is not built here"
        )


def _refusal(reason: str) -> CheckpointError:
    return CheckpointError(f"transformers' configuration cannot be used: {reason}.")
