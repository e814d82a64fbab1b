"""The building blocks: convolution + batch-norm + activation, squeeze-and-excitation, MBConv.

Sources: MBConv from MobileNetV2 (arXiv 1801.04381), squeeze-and-excitation (arXiv 1709.01507),
FusedMBConv from EfficientNetV2 (arXiv 2104.00298), stochastic depth (arXiv 1603.09382).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effnet_core.architecture.family import Activation, Padding
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec


class BatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, computed in place when evaluating without gradients.

    The result is bit-equal to `nn.BatchNorm2d`; the input tensor is overwritten, so that
    convolution and normalisation share one activation's memory.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C, H, W); overwrites `input` when evaluating without gradients."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return super().forward(input)
        torch.ops.aten.native_batch_norm.out(
            input,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_var,
            False,
            0.0,
            self.eps,
            out=input,
            save_mean=self._unused(input),
            save_invstd=self._unused(input),
        )
        return input

    def _unused(self, input: Tensor) -> Tensor:
        """Room for statistics that the operator gives besides: on CUDA it fills them, in its
        accumulation type, and on the CPU they stay empty.
        """
        if not input.is_cuda:
            return self.weight.new_empty(0)
        wide = self.weight.dtype == torch.float64
        kind = torch.float64 if wide else torch.float32
        return self.weight.new_empty(self.num_features, dtype=kind)


class Convolution(nn.Conv2d):
    """`nn.Conv2d` without bias and with "symmetric" (PyTorch's) or "same" (TensorFlow's) padding.

    Both give ⌈side / stride⌉ outputs. "same" pads just as much as the last window needs, the odd
    pixel at the bottom and right, so it depends on the input's size.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        padding: Padding = "symmetric",
    ) -> None:
        # At stride 1 both conventions pad alike.
        self.pads_as_needed = padding == "same" and stride > 1
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=0 if self.pads_as_needed else (kernel - 1) // 2,
            groups=groups,
            bias=False,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (B, C_in, H, W) to (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉)."""
        if self.pads_as_needed:
            rows = self._needed(input.shape[-2])
            columns = self._needed(input.shape[-1])
            input = F.pad(
                input, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
            )
        return super().forward(input)

    def _needed(self, side: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return int(max((-(-side // stride) - 1) * stride + kernel - side, 0))


def activate(x: Tensor, activation: Activation) -> Tensor:
    """SiLU, ReLU6 or ReLU, in place when no gradient is wanted."""
    in_place = not torch.is_grad_enabled()
    if activation == "silu":
        return F.silu(x, inplace=in_place)
    return F.relu6(x, inplace=in_place) if activation == "relu6" else F.relu(x, inplace=in_place)


def keep_mask(rate: float, shape: tuple[int, ...], like: Tensor, draws: Tensor | None) -> Tensor:
    """A mask of `shape`: 0 with probability `rate`, otherwise 1 / (1 − rate).

    An element is kept where `draws`, uniform in [0, 1) and as many, are below 1 − rate; without
    them torch's generator decides.
    """
    keep = 1.0 - rate
    if draws is None:
        return like.new_empty(shape).bernoulli_(keep).div_(keep)
    return (draws < keep).to(like.dtype).div_(keep).view(shape)


class ConvNormAct(nn.Module):
    """Convolution, batch-norm and, unless `activation` is None, its activation."""

    def __init__(
        self,
        spec: ArchitectureSpec,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: Activation | None,
    ) -> None:
        super().__init__()
        self.conv = Convolution(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            groups=groups,
            padding=spec.padding,
        )
        self.norm = BatchNorm(out_channels, eps=spec.bn_eps, momentum=spec.bn_momentum)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉)."""
        x = self.norm(self.conv(x))
        return x if self.activation is None else activate(x, self.activation)


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation: each channel scaled by a gate computed from all channels' means."""

    def __init__(self, channels: int, squeezed: int, activation: Activation) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        gate = F.adaptive_avg_pool2d(x, 1)  # (B, C, 1, 1)
        gate = torch.sigmoid(self.expand(activate(self.reduce(gate), self.activation)))
        return x * gate if torch.is_grad_enabled() else x.mul_(gate)


class Block(nn.Module):
    """What MBConv and FusedMBConv share: the layers in order and the shortcut around them.

    `layers()` yields them so that a caller can run the block without holding its input.
    """

    def __init__(self, block: BlockSpec) -> None:
        super().__init__()
        self.skip = block.skip
        self.drop_path = block.drop_path

    def layers(self) -> tuple[nn.Module, ...]:
        """The block's layers in the order in which they run."""
        return tuple(self.children())

    def merge(self, x: Tensor, shortcut: Tensor, draws: Tensor | None = None) -> Tensor:
        """Add the shortcut; in training, drop the branch of each sample with `drop_path`.

        `draws`, uniform in [0, 1) (B,), decides which; without it torch's generator does.
        """
        if self.training and self.drop_path > 0:
            return x * keep_mask(self.drop_path, (x.shape[0], 1, 1, 1), x, draws) + shortcut
        return x + shortcut if torch.is_grad_enabled() else x.add_(shortcut)

    def forward(self, x: Tensor, draws: Tensor | None = None) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉); `draws` is for `merge`."""
        shortcut = x
        for layer in self.layers():
            x = layer(x)
        return self.merge(x, shortcut, draws) if self.skip else x


class MBConv(Block):
    """Inverted bottleneck: expand 1×1 → depthwise k×k → squeeze-and-excitation → project 1×1."""

    def __init__(self, block: BlockSpec, spec: ArchitectureSpec) -> None:
        super().__init__(block)
        expanded = block.expanded_channels
        if block.expands:
            self.expand = ConvNormAct(
                spec, block.in_channels, expanded, 1, activation=spec.activation
            )
        self.depthwise = ConvNormAct(
            spec,
            expanded,
            expanded,
            block.kernel,
            stride=block.stride,
            groups=expanded,
            activation=spec.activation,
        )
        if block.squeeze_channels:
            self.squeeze_excite = SqueezeExcite(expanded, block.squeeze_channels, spec.activation)
        self.project = ConvNormAct(spec, expanded, block.out_channels, 1, activation=None)


class FusedMBConv(Block):
    """EfficientNetV2's block: one k×k convolution in place of expand and depthwise → project.

    Without a projection the k×k convolution goes straight to the output channels.
    """

    def __init__(self, block: BlockSpec, spec: ArchitectureSpec) -> None:
        super().__init__(block)
        self.fused = ConvNormAct(
            spec,
            block.in_channels,
            block.expanded_channels if block.projects else block.out_channels,
            block.kernel,
            stride=block.stride,
            activation=spec.activation,
        )
        if block.projects:
            self.project = ConvNormAct(
                spec, block.expanded_channels, block.out_channels, 1, activation=None
            )


def make_block(block: BlockSpec, spec: ArchitectureSpec) -> Block:
    """The module for one block of `spec`."""
    return MBConv(block, spec) if block.operator == "mbconv" else FusedMBConv(block, spec)
