"""Write the networks that timm and torchvision have beside those built here as a data file.

Usage: python scripts/not_built_from_libraries.py

One row per plain name that someone may take for an EfficientNet: every name of timm that holds
"efficient", and the relatives that timm builds with the same code. A test proves that the committed
file equals what the installed libraries say.
"""

from __future__ import annotations

import re

from timm.models import list_models
from torchvision.models import list_models as torchvision_models

from effnet_core.architecture.names import canonical_name
from effnet_core.data.tables import NOT_BUILT_FILE, Row, write
from effnet_core.errors import InvalidInput

COLUMNS = ("library", "name", "what")
RELATIVES = re.compile(r"efficient|mixnet|mobilenet|mnasnet|fbnet|tinynet|spnasnet")
TORCHVISION_RELATIVES = re.compile(r"mobilenet_v\d(_\w+)?|mnasnet\d_\d+")

WHAT = (
    (r"test_efficientnet", "a network of a few blocks that timm tests itself with"),
    (r"efficientnet_cc_", "a CondConv network, whose kernels are mixed anew for every picture"),
    (r"efficientnet_b\d_gn", "normalised by groups of channels in place of batch-norm"),
    (r"efficientnet_b\d_g8_gn", "made of grouped convolutions with group normalisation"),
    (r"efficientnet_b\d_g16_evos", "made of grouped convolutions"),
    (r"efficientnet_b\d_pruned", "pruned channel by channel, to widths that follow no table"),
    (r"efficientnet_blur_", "an EfficientNet that blurs before it strides"),
    (r"efficientnet_[hx]_", "an EfficientNet-X, with squeeze-and-excitation in fused blocks"),
    (r"gc_efficientnetv2", "an EfficientNetV2 with global context for squeeze-and-excitation"),
    (r"efficientformer", "an EfficientFormer, a transformer"),
    (r"efficientvit", "an EfficientViT, a transformer"),
    (r"efficientvim", "an EfficientViM, a state-space network"),
    (r"mixnet", "a MixNet, with kernels of mixed sizes in one layer"),
    (r"mobilenet", "a MobileNet"),
    (r"mnasnet", "an MnasNet"),
    (r"fbnet", "an FBNet"),
    (r"tinynet", "a TinyNet, shrunk by a rule of its own"),
    (r"spnasnet", "a Single-Path NAS network"),
)
"""What the first pattern found in a name says of it."""


def table() -> list[Row]:
    """The rows of the file, timm's first, by name."""
    timm = [name for name in sorted(list_models()) if RELATIVES.search(name)]
    torchvision = [
        name for name in sorted(torchvision_models()) if TORCHVISION_RELATIVES.fullmatch(name)
    ]
    return [
        {"library": library, "name": name, "what": _what(name)}
        for library, names in (("timm", timm), ("torchvision", torchvision))
        for name in names
        if not _is_built(name)
    ]


def _what(name: str) -> str:
    return next(what for pattern, what in WHAT if re.search(pattern, name))


def _is_built(name: str) -> bool:
    try:
        canonical_name(name)
    except InvalidInput:
        return False
    return True


if __name__ == "__main__":
    rows = table()
    write(NOT_BUILT_FILE, COLUMNS, rows)
    print(f"{len(rows)} names")
