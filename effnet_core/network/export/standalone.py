"""An EfficientNet in one file that needs torch alone.

Run it to build the network, load the weights that lie beside it (same name, ending in .pth) and
print what it is; import it for `build()`, which returns the network ready to classify.

Input: float32 (batch, channels, RESOLUTION, RESOLUTION). Resize an image's shorter edge, or both
edges if SQUASH, to RESIZE pixels with INTERPOLATION, crop the centre, scale to [0, 1], and
normalise with MEAN and STD.
Output: one logit for each class, of which PROBABILITIES makes probabilities.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BlockRow(NamedTuple):
    """One block; squeezed = 0: no squeeze-and-excitation; drop_path: chance of being dropped.

    adds: the input is added where the shapes allow it; projects: it ends with a 1×1 convolution.
    """

    operator: str
    stage: int
    kernel: int
    stride: int
    in_channels: int
    expanded: int
    squeezed: int
    out_channels: int
    drop_path: float
    adds: bool = True
    projects: bool = True


# <network>
NAME = "tiny"
RESOLUTION = 32
RESIZE = 36
SQUASH = False
INTERPOLATION = "bicubic"
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
IN_CHANNELS, STEM_CHANNELS, HEAD_CHANNELS, NUM_CLASSES = 3, 8, 32, 2
ACTIVATION = "silu"
DROPOUT = 0.2
BN_EPS, BN_MOMENTUM = 1e-05, 0.1
PADDING = "symmetric"  # "symmetric" as PyTorch pads, "same" as TensorFlow does
BLOCKS = (
    BlockRow("mbconv", 1, 3, 1, 8, 32, 2, 8, 0.0),
    BlockRow("fused_mbconv", 2, 3, 2, 8, 32, 0, 16, 0.1),
)
CLASSES: tuple[str, ...] = ("first", "second")
PROBABILITIES = "softmax"  # of the logits: "softmax", or "sigmoid" for each by itself
# </network>


class Convolution(nn.Conv2d):
    """A convolution without bias that gives ceil(side / stride) outputs a side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        self.same = PADDING == "same" and stride > 1
        padding = 0 if self.same else (kernel - 1) // 2
        super().__init__(
            inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, ceil(H / stride), ceil(W / stride))."""
        if self.same:  # only as much as the last window needs; the odd pixel bottom and right
            rows, columns = self.missing(x.shape[-2]), self.missing(x.shape[-1])
            x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(x)

    def missing(self, side: int) -> int:
        """Pixels that the last window lacks on this side."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        return int(max((-(-side // stride) - 1) * stride + kernel - side, 0))


def activate(x: Tensor) -> Tensor:
    """SiLU, ReLU6 or ReLU."""
    if ACTIVATION == "silu":
        return F.silu(x)
    return F.relu6(x) if ACTIVATION == "relu6" else F.relu(x)


class ConvNormAct(nn.Module):
    """Convolution → batch-norm → activation (none after a projection)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = Convolution(inputs, outputs, kernel, stride, groups)
        self.norm = nn.BatchNorm2d(outputs, eps=BN_EPS, momentum=BN_MOMENTUM)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H', W')."""
        x = self.norm(self.conv(x))
        return activate(x) if self.active else x


class SqueezeExcite(nn.Module):
    """Each channel scaled by a gate that is computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        gate = F.adaptive_avg_pool2d(x, 1)  # (B, C, 1, 1)
        return x * torch.sigmoid(self.expand(activate(self.reduce(gate))))


class Block(nn.Sequential):
    """MBConv: expand → depthwise → squeeze-and-excitation → project; FusedMBConv: fused → project.

    The input is added where the shapes allow it; in training the branch is dropped at random.
    """

    def __init__(self, row: BlockRow) -> None:
        super().__init__()
        self.drop_path = row.drop_path
        self.skip = row.adds and row.stride == 1 and row.in_channels == row.out_channels
        wider = row.expanded != row.in_channels
        if row.operator == "fused_mbconv":
            outputs = row.expanded if row.projects else row.out_channels
            self.fused = ConvNormAct(row.in_channels, outputs, row.kernel, row.stride)
        else:
            if wider:
                self.expand = ConvNormAct(row.in_channels, row.expanded, 1)
            self.depthwise = ConvNormAct(
                row.expanded, row.expanded, row.kernel, row.stride, groups=row.expanded
            )
            if row.squeezed:
                self.squeeze_excite = SqueezeExcite(row.expanded, row.squeezed)
        if row.projects:
            self.project = ConvNormAct(row.expanded, row.out_channels, 1, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H', W')."""
        branch = super().forward(x)
        if not self.skip:
            return branch
        if self.training and self.drop_path > 0:
            keep = 1 - self.drop_path
            branch = branch * branch.new_empty(len(x), 1, 1, 1).bernoulli_(keep) / keep
        return branch + x


class EfficientNet(nn.Module):
    """Stem → stages of blocks → head convolution → average pooling → dropout → classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNormAct(IN_CHANNELS, STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleDict()
        for stage in range(1, BLOCKS[-1].stage + 1):
            rows = [row for row in BLOCKS if row.stage == stage]
            self.stages[str(stage)] = nn.Sequential(*map(Block, rows))
        self.head = ConvNormAct(BLOCKS[-1].out_channels, HEAD_CHANNELS, 1)
        self.classifier = nn.Linear(HEAD_CHANNELS, NUM_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → logits (B, classes)."""
        x = self.stem(x)
        for stage in self.stages.values():
            x = stage(x)
        x = F.adaptive_avg_pool2d(self.head(x), 1).flatten(1)  # (B, head channels)
        return self.classifier(F.dropout(x, DROPOUT, self.training))


def initialise(model: nn.Module) -> None:
    """Initial weights: convolutions normal by fan-out, classifier uniform, biases 0."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
        elif isinstance(module, nn.Linear):
            bound = module.out_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def build(weights: str | Path | None = None) -> EfficientNet:
    """The network in evaluation mode, with the state dict in `weights` or with initial weights."""
    model = EfficientNet()
    if weights is None:
        initialise(model)
    else:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model.eval()


def main() -> None:
    """Build the network, classify one blank image and say what was built."""
    beside = Path(__file__).with_suffix(".pth")
    model = build(beside if beside.exists() else None)
    with torch.inference_mode():
        logits = model(torch.zeros(1, IN_CHANNELS, RESOLUTION, RESOLUTION))
    count = sum(parameter.numel() for parameter in model.parameters())
    origin = f"weights from {beside.name}" if beside.exists() else "initial weights"
    print(f"{NAME}: {count:,} parameters, {origin}; logits {tuple(logits.shape)}")


if __name__ == "__main__":
    main()
