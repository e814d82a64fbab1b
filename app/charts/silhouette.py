"""Networks as silhouettes at one scale, side by side: HTML without a script."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.markup import html
from effnet_core.cost.report import CostReport

_BETWEEN_STAGES = 13.0
"""As in the architecture picture (`app/live/picture.js`), in roots of channels."""

Slab = tuple[float, float, int]
"""Left edge and thickness in roots of channels, and the side of the feature map in pixels."""


def silhouettes(reports: Sequence[CostReport], names: Sequence[str]) -> tuple[str, ...]:
    """Each network as HTML: a slab a block, as tall as its feature map, as thick as the root of its
    channels. One scale holds for all, so that their areas compare; `names` tell them apart.
    """
    each = [_slabs(report) for report in reports]
    widest = max(left + thick for slabs in each for left, thick, _ in slabs)
    tallest = max(side for slabs in each for _, _, side in slabs)
    return tuple(
        f'<div class="silhouette" role="img" aria-label="{html(name)}">'
        + "".join(
            f'<b style="left:{left / widest:.2%};width:{thick / widest:.2%};'
            f'height:{side / tallest:.2%}"></b>'
            for left, thick, side in slabs
        )
        + "</div>"
        for slabs, name in zip(each, names, strict=True)
    )


def _slabs(report: CostReport) -> list[Slab]:
    found: list[Slab] = []
    right, stage = 0.0, 0
    for part in report.parts:
        channels, side, _ = part.out_shape
        left = right + (_BETWEEN_STAGES if part.stage != stage else 0.0)
        found.append((left, math.sqrt(channels), side))
        right, stage = left + math.sqrt(channels), part.stage
    return found
