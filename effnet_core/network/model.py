"""The network: any `ArchitectureSpec` as a torch module that reads like its block diagram."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.network.layers import (
    Block,
    ConvNormAct,
    FusedMBConv,
    MBConv,
    SqueezeExcite,
    keep_mask,
    make_block,
)

__all__ = ["Block", "ConvNormAct", "EfficientNet", "FusedMBConv", "MBConv", "SqueezeExcite"]


class EfficientNet(nn.Module):
    """An EfficientNet as its spec says: stem, stages of blocks, head convolution, classifier.

    Stages are numbered as torchvision's `features`: 0 is the stem, 1…N the block stages and
    N + 1 the head convolution. Without gradients the forward pass works in place on its own
    activations (never on its input) and lets go of each tensor once it has been used.
    """

    def __init__(self, spec: ArchitectureSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stem = ConvNormAct(
            spec, spec.in_channels, spec.stem_channels, 3, stride=2, activation=spec.activation
        )
        self.stages = nn.ModuleDict(
            {
                str(stage[0].stage): nn.ModuleList(make_block(block, spec) for block in stage)
                for stage in spec.stages
            }
        )
        self.head = ConvNormAct(
            spec,
            spec.blocks[-1].out_channels,
            spec.head_channels,
            1,
            activation=spec.activation,
        )
        self.classifier = nn.Linear(spec.head_channels, spec.num_classes)

    @property
    def last_stage(self) -> int:
        """N + 1, the number of the head convolution."""
        return self.spec.stage_count + 1

    def blocks(self, stage: int) -> tuple[Block, ...]:
        """The blocks of `stage` (1…N), in order."""
        return tuple(self.stages[str(stage)].children())  # type: ignore[arg-type]

    @property
    def draw_count(self) -> int:
        """How many numbers decide what training drops of one sample: blocks, pooled channels."""
        return len(self.spec.blocks) + self.spec.head_channels

    def forward(self, x: Tensor, draws: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) → logits (B, classes).

        `draws`, uniform in [0, 1) (B, draw_count), decides in training what stochastic depth and
        dropout drop of each sample; without it torch's generator does.
        """
        if draws is None:
            return self.forward_head(self.forward_features(x))
        blocks, channels = draws.split([len(self.spec.blocks), self.spec.head_channels], dim=1)
        return self.forward_head(self._run(x, 0, self.last_stage, blocks), channels)

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → the last feature map (B, head channels, ⌈H/32⌉, ⌈W/32⌉)."""
        return self._run(x, 0, self.last_stage)

    def forward_head(self, features: Tensor, draws: Tensor | None = None) -> Tensor:
        """Last feature map → logits (B, classes): pooling, dropout, classifier.

        `draws` (B, head channels) are those of `forward` for the pooled channels.
        """
        pooled = F.adaptive_avg_pool2d(features, 1).flatten(1)  # (B, head channels)
        rate = self.spec.dropout
        if draws is None or not self.training or not rate:
            return self.classifier(F.dropout(pooled, rate, self.training))
        return self.classifier(pooled * keep_mask(rate, tuple(pooled.shape), pooled, draws))

    def prefix(self, x: Tensor, stage: int) -> Tensor:
        """(B, 3, H, W) → the feature map that `stage` puts out; raises InvalidInput if unknown."""
        self._require_stage(stage)
        return self._run(x, 0, stage)

    def suffix(self, features: Tensor, stage: int) -> Tensor:
        """What `stage` put out → logits, so that suffix(prefix(x, s), s) equals forward(x)."""
        self._require_stage(stage)
        return self.forward_head(self._run(features, stage + 1, self.last_stage))

    def feature_maps(self, x: Tensor) -> tuple[Tensor, ...]:
        """The feature maps of stages 0…N + 1, in order."""
        maps: list[Tensor] = []
        for stage in range(self.last_stage + 1):
            x = self._run(x, stage, stage)
            maps.append(x)
        return tuple(maps)

    def _run(self, x: Tensor, first: int, last: int, draws: Tensor | None = None) -> Tensor:
        """Run stages first…last; no name but `x` holds a tensor that is no longer needed.

        `draws` (B, blocks) belongs to a run from stage 0.
        """
        each = iter(() if draws is None else draws.unbind(1))
        if first == 0:
            x = self.stem(x)
        for stage in range(max(first, 1), min(last, self.last_stage - 1) + 1):
            for block in self.blocks(stage):
                drawn = next(each, None)
                if _needs_input_afterwards(block):
                    x = block(x) if drawn is None else block(x, drawn)
                else:
                    for layer in block.layers():
                        x = layer(x)
        return self.head(x) if first <= self.last_stage == last else x

    def _require_stage(self, stage: int) -> None:
        if not isinstance(stage, int) or not 0 <= stage <= self.last_stage:
            raise InvalidInput(
                f"Stage must be a whole number from 0 (stem) to {self.last_stage} "
                f"(head convolution); got {stage!r}."
            )


def _needs_input_afterwards(block: Block) -> bool:
    # A caller's frame keeps the argument of `block(x)` alive until the block returns. Without a
    # shortcut nobody needs it, so such a block runs layer by layer, unless someone observes it.
    observed = bool(block._forward_hooks or block._forward_pre_hooks)
    return block.skip or observed or torch.is_grad_enabled()


def initialise(model: EfficientNet) -> None:
    """Fill a network's parameters and buffers in place, as the reference implementations do.

    Convolutions: normal with variance 2 / fan-out (fan-out = kernel² · C_out / groups); their
    biases 0; batch-norm 1 and 0; classifier uniform within ±1/√classes, bias 0 (the TensorFlow
    reference's scheme). Draws from torch's current generator.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Linear):
            bound = 1.0 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)
