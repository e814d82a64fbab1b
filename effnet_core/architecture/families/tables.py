"""Stage tables of their own, which no φ grows: V2-S to V2-XL, and timm's V2-RW.

Sources: EfficientNetV2, arXiv 2104.00298, table 4 (V2-S) and its reference implementation (V2-M,
V2-L, V2-XL); timm, whose V2-RW networks were drawn up before that implementation was there
(timm builds them without dropout).
"""

from __future__ import annotations

import dataclasses

from effnet_core.architecture.families.rows import (
    PYTORCH,
    TENSORFLOW,
    V2_SOURCE,
    fused,
    mb,
    rows,
)
from effnet_core.architecture.family import Conventions, Family, FamilyKey, StageSpec

_TORCHVISION = Conventions(1e-3, 0.1, "symmetric")
_TIMM = "timm (pytorch-image-models), models/efficientnet.py"


def _table(
    key: FamilyKey,
    stages: tuple[StageSpec, ...],
    *,
    stem: int,
    pixels: tuple[int, int],
    dropout: float,
    source: str,
    head: int = 1280,
    conventions: Conventions = _TORCHVISION,
    published: str = V2_SOURCE,
) -> Family:
    """A family of one network, trained and tested at `pixels`."""
    return Family(
        key=key,
        title=f"EfficientNetV2{key.upper().removeprefix('V2')}",
        source=source,
        resolution=pixels[1],
        stem_channels=stem,
        stages=stages,
        head_channels=head,
        published=rows(published, (key, 1.0, 1.0, *pixels, dropout)),
        conventions=conventions,
        scales=False,
        dropout=dropout,
    )


V2_S = _table(
    "v2-s",
    (
        fused(1, 3, 1, 24, 2),
        fused(4, 3, 2, 48, 4),
        fused(4, 3, 2, 64, 4),
        mb(4, 3, 2, 128, 6),
        mb(6, 3, 1, 160, 9),
        mb(6, 3, 2, 256, 15),
    ),
    stem=24,
    pixels=(300, 384),
    dropout=0.2,
    source="arXiv 2104.00298, table 4; torchvision",
)

V2_M = _table(
    "v2-m",
    (
        fused(1, 3, 1, 24, 3),
        fused(4, 3, 2, 48, 5),
        fused(4, 3, 2, 80, 5),
        mb(4, 3, 2, 160, 7),
        mb(6, 3, 1, 176, 14),
        mb(6, 3, 2, 304, 18),
        mb(6, 3, 1, 512, 5),
    ),
    stem=24,
    pixels=(384, 480),
    dropout=0.3,
    source="EfficientNetV2's reference implementation; torchvision",
)

V2_L = _table(
    "v2-l",
    (
        fused(1, 3, 1, 32, 4),
        fused(4, 3, 2, 64, 7),
        fused(4, 3, 2, 96, 7),
        mb(4, 3, 2, 192, 10),
        mb(6, 3, 1, 224, 19),
        mb(6, 3, 2, 384, 25),
        mb(6, 3, 1, 640, 7),
    ),
    stem=32,
    pixels=(384, 480),
    dropout=0.4,
    source="EfficientNetV2's reference implementation; torchvision",
)

V2_XL = _table(
    "v2-xl",
    (
        fused(1, 3, 1, 32, 4),
        fused(4, 3, 2, 64, 8),
        fused(4, 3, 2, 96, 8),
        mb(4, 3, 2, 192, 16),
        mb(6, 3, 1, 256, 24),
        mb(6, 3, 2, 512, 32),
        mb(6, 3, 1, 640, 8),
    ),
    stem=32,
    pixels=(384, 512),
    dropout=0.4,
    source="EfficientNetV2's reference implementation",
    conventions=TENSORFLOW,
)

# V2-S at a width of 0.8 and a depth of 0.9.
V2_RW_T = _table(
    "v2-rw-t",
    (
        fused(1, 3, 1, 24, 2),
        fused(4, 3, 2, 40, 4),
        fused(4, 3, 2, 48, 4),
        mb(4, 3, 2, 104, 6),
        mb(6, 3, 1, 128, 9),
        mb(6, 3, 2, 208, 14),
    ),
    stem=24,
    pixels=(224, 288),
    dropout=0.0,
    source=_TIMM,
    head=1024,
    conventions=PYTORCH,
    published=_TIMM,
)

V2_RW_S = _table(
    "v2-rw-s",
    (
        dataclasses.replace(fused(1, 3, 1, 24, 2), always_projects=True),
        fused(4, 3, 2, 48, 4),
        fused(4, 3, 2, 64, 4),
        mb(4, 3, 2, 128, 6),
        mb(6, 3, 1, 160, 9),
        mb(6, 3, 2, 272, 15),
    ),
    stem=24,
    pixels=(288, 384),
    dropout=0.0,
    source=_TIMM,
    head=1792,
    conventions=PYTORCH,
    published=_TIMM,
)

# V2-RW-S at a width of 1.2 and a depth of 1.2, and of 1.6 in the last two stages.
V2_RW_M = _table(
    "v2-rw-m",
    (
        dataclasses.replace(fused(1, 3, 1, 32, 3), always_projects=True),
        fused(4, 3, 2, 56, 5),
        fused(4, 3, 2, 80, 5),
        mb(4, 3, 2, 152, 8),
        mb(6, 3, 1, 192, 15),
        mb(6, 3, 2, 328, 24),
    ),
    stem=32,
    pixels=(320, 416),
    dropout=0.0,
    source=_TIMM,
    head=2152,
    conventions=PYTORCH,
    published=_TIMM,
)
