"""The baselines that φ scales: V1, Lite, V2-base and EdgeTPU.

Sources: EfficientNet, arXiv 1905.11946, table 1; EfficientNet-Lite, its reference implementation
(no squeeze-and-excitation, ReLU6, stem and head fixed); EfficientNetV2's reference implementation;
EfficientNet-EdgeTPU, its reference implementation (ReLU, no squeeze-and-excitation, fused blocks
where convolutions are cheaper than depthwise ones).
"""

from __future__ import annotations

import dataclasses

from effnet_core.architecture.families.rows import (
    PYTORCH,
    TENSORFLOW,
    V2_SOURCE,
    fused,
    mb,
    plain_mb,
    rows,
)
from effnet_core.architecture.family import Conventions, Family

# torchvision's constructors for B5-B7 pass the reference's own batch-norm settings.
_TORCHVISION_LARGE = Conventions(1e-3, 0.01, "symmetric")

V1 = Family(
    key="v1",
    title="EfficientNet",
    source="arXiv 1905.11946, table 1",
    resolution=224,
    stem_channels=32,
    stages=(
        mb(1, 3, 1, 16, 1),
        mb(6, 3, 2, 24, 2),
        mb(6, 5, 2, 40, 2),
        mb(6, 3, 2, 80, 3),
        mb(6, 5, 1, 112, 3),
        mb(6, 5, 2, 192, 4),
        mb(6, 3, 1, 320, 1),
    ),
    head_channels=1280,
    published=rows(
        "reference TensorFlow implementation of EfficientNet (tensorflow/tpu)",
        ("b0", 1.0, 1.0, 224, 224, 0.2),
        ("b1", 1.0, 1.1, 240, 240, 0.2),
        ("b2", 1.1, 1.2, 260, 260, 0.3),
        ("b3", 1.2, 1.4, 300, 300, 0.3),
        ("b4", 1.4, 1.8, 380, 380, 0.4),
        ("b5", 1.6, 2.2, 456, 456, 0.4, _TORCHVISION_LARGE),
        ("b6", 1.8, 2.6, 528, 528, 0.5, _TORCHVISION_LARGE),
        ("b7", 2.0, 3.1, 600, 600, 0.5, _TORCHVISION_LARGE),
        ("b8", 2.2, 3.6, 672, 672, 0.5, TENSORFLOW),
        ("l2", 4.3, 5.3, 800, 800, 0.5, TENSORFLOW),
    ),
    conventions=PYTORCH,
    prefix="b",
)

LITE = Family(
    key="lite",
    title="EfficientNet-Lite",
    source="reference TensorFlow implementation of EfficientNet-Lite",
    resolution=224,
    stem_channels=32,
    stages=(
        plain_mb(1, 3, 1, 16, 1),
        plain_mb(6, 3, 2, 24, 2),
        plain_mb(6, 5, 2, 40, 2),
        plain_mb(6, 3, 2, 80, 3),
        plain_mb(6, 5, 1, 112, 3),
        plain_mb(6, 5, 2, 192, 4),
        plain_mb(6, 3, 1, 320, 1),
    ),
    head_channels=1280,
    published=rows(
        "reference TensorFlow implementation of EfficientNet-Lite (tensorflow/tpu)",
        ("lite0", 1.0, 1.0, 224, 224, 0.2),
        ("lite1", 1.0, 1.1, 240, 240, 0.2),
        ("lite2", 1.1, 1.2, 260, 260, 0.3),
        ("lite3", 1.2, 1.4, 280, 280, 0.3),
        ("lite4", 1.4, 1.8, 300, 300, 0.3),
    ),
    conventions=PYTORCH,
    prefix="lite",
    activation="relu6",
    fixed_ends=True,
)

V2_BASE = Family(
    key="v2-base",
    title="EfficientNetV2-B",
    source="EfficientNetV2's reference implementation (google/automl)",
    resolution=224,
    stem_channels=32,
    stages=(
        fused(1, 3, 1, 16, 1),
        fused(4, 3, 2, 32, 2),
        fused(4, 3, 2, 48, 2),
        mb(4, 3, 2, 96, 3),
        mb(6, 3, 1, 112, 5),
        mb(6, 3, 2, 192, 8),
    ),
    head_channels=1280,
    published=rows(
        V2_SOURCE,
        ("v2-b0", 1.0, 1.0, 192, 224, 0.2),
        ("v2-b1", 1.0, 1.1, 192, 240, 0.2),
        ("v2-b2", 1.1, 1.2, 208, 260, 0.3),
        ("v2-b3", 1.2, 1.4, 240, 300, 0.3),
    ),
    conventions=TENSORFLOW,
    alias="v2-b",
    prefix="v2-b",
    channel_keep=0.0,
)

EDGE = Family(
    key="edge",
    title="EfficientNet-EdgeTPU",
    source="reference TensorFlow implementation of EfficientNet-EdgeTPU",
    resolution=224,
    stem_channels=32,
    stages=(
        dataclasses.replace(fused(4, 3, 1, 24, 1), widens_outputs=True, shortcut=False),
        fused(8, 3, 2, 32, 2),
        fused(8, 3, 2, 48, 4),
        plain_mb(8, 5, 2, 96, 5),
        plain_mb(8, 5, 1, 144, 4),
        plain_mb(8, 5, 2, 192, 2),
    ),
    head_channels=1280,
    published=rows(
        "reference TensorFlow implementation of EfficientNet-EdgeTPU (tensorflow/tpu)",
        ("edge-s", 1.0, 1.0, 224, 224, 0.2),
        ("edge-m", 1.0, 1.1, 240, 240, 0.2),
        ("edge-l", 1.2, 1.4, 300, 300, 0.3),
    ),
    conventions=PYTORCH,
    activation="relu",
)
