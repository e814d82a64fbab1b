"""Networks of other libraries with random weights, in which whatever is mixed up shows."""

from __future__ import annotations

from functools import cache

import efficientnet_pytorch
import timm
import torch
import torchvision
import transformers
from torch import nn

from effnet_core.weights.key_names import Style

CLASSES = 5


@cache
def network(style: Style) -> nn.Module:
    """A B0 of the style's library with random weights and statistics that spread its logits."""
    torch.manual_seed(0)
    made: nn.Module
    if style == "timm":
        made = timm.create_model("efficientnet_b0", num_classes=CLASSES)
    elif style == "torchvision":
        made = torchvision.models.efficientnet_b0(num_classes=CLASSES)
    elif style == "transformers":
        # B0, as its table says; nothing meets an odd side at 224 pixels.
        config = transformers.EfficientNetConfig(
            image_size=224,
            width_coefficient=1.0,
            depth_coefficient=1.0,
            hidden_dim=1280,
        )
        config.num_labels = CLASSES
        made = transformers.EfficientNetForImageClassification(config)
        for module in made.modules():  # its own start is all but 0
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
    else:
        made = efficientnet_pytorch.EfficientNet.from_name("efficientnet-b0", num_classes=CLASSES)
    spread(made)
    return made.eval()


def logits(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What a network of any of these libraries answers."""
    with torch.inference_mode():
        found = model(images.clone())
    answered: torch.Tensor = getattr(found, "logits", found)
    return answered


def spread(model: nn.Module) -> None:
    """Draw batch-norm's statistics and parameters, so that whatever is mixed up shows."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            assert module.running_mean is not None and module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


def halved(style: Style) -> nn.Module:
    """`network` with every float halved: what plain weights beside an average are."""
    model: nn.Module = timm.create_model("efficientnet_b0", num_classes=CLASSES)
    if style == "torchvision":
        model = torchvision.models.efficientnet_b0(num_classes=CLASSES)
    state = network(style).state_dict()
    model.load_state_dict({k: v / 2 if v.is_floating_point() else v for k, v in state.items()})
    return model
