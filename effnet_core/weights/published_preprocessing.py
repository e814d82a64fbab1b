"""The preprocessing that belongs to a published architecture, where a checkpoint does not say.

Libraries train the same architecture for different inputs (torchvision's B2 is tested at 288
pixels, the paper's at 260; timm's tf_efficientnetv2_s has mean 0.5), so the style of the
checkpoint's names decides whose defaults apply.
"""

from __future__ import annotations

import dataclasses
from functools import cache

from effnet_core.architecture.aliases import timm_name, timm_names
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.data.tables import TIMM_FILE, Row, read
from effnet_core.images import Preprocessing
from effnet_core.weights.key_names import Style
from effnet_core.weights.published import catalog, triple

DEFAULTS = "architecture's defaults"
_HALF = (0.5, 0.5, 0.5)
# The reference crops all but 32 pixels of the shorter edge, and scales pixels to −1…1.
_MARGIN = 32
_LITE = Preprocessing(resize=224 + _MARGIN, crop=224, mean=_HALF, std=_HALF)
# Without a crop; the processor divides by the square root of ImageNet's std, twice.
_GOOGLE = Preprocessing(resize=224, crop=224, interpolation="nearest", squash=True)
TIMM_COLUMNS = (
    "name", "resolution", "crop_pct", "crop_mode", "interpolation", "mean", "std",
)  # fmt: skip


def published_preprocessing(
    spec: ArchitectureSpec, style: Style, asked: str
) -> tuple[Preprocessing, str]:
    """The defaults for `spec`, which has the conventions of `style`, and whose defaults they are.

    `asked` is the name that stood for the architecture, or "" for a spec of one's own. torchvision:
    its default set of weights. timm: its settings, of the very name asked for where that is timm's
    ("tf_efficientnet_b0.ap_in1k"). lukemelas: the same but for Lite, whose weights are the
    reference's. transformers: its image processor's for Google's weights. Otherwise ImageNet's
    usual evaluation.
    """
    if asked and style == "torchvision":
        for entry in catalog():
            if entry.default and entry.architecture == spec.name:
                return entry.preprocessing, f"torchvision's defaults for {spec.name}"
    if asked and style == "transformers":
        return _GOOGLE.at(spec.resolution), f"transformers' defaults for google/{_dashed(spec)}"
    if asked and style == "lukemelas" and spec.family == "lite":
        side = spec.resolution
        whole = dataclasses.replace(_LITE, resize=side + _MARGIN, crop=side)
        return whole, "EfficientNet-Lite's reference evaluation"
    if asked and style in ("timm", "lukemelas"):
        same = spec.padding == "same"
        row = _timm_rows().get(_as_asked(asked, same) or timm_name(spec.name, tensorflow=same))
        if row is not None:
            return _from_timm(row)
    return Preprocessing.imagenet(spec.resolution), DEFAULTS


def _as_asked(asked: str, same: bool) -> str | None:
    """The name asked for, where it is timm's for a network with this padding."""
    name = asked.strip().lower()
    return name if name in timm_names() and name.startswith("tf_") == same else None


def _dashed(spec: ArchitectureSpec) -> str:
    return f"efficientnet-{spec.name}"


@cache
def _timm_rows() -> dict[str | None, Row]:
    return {row["name"]: row for row in read(TIMM_FILE)}


def _from_timm(row: Row) -> tuple[Preprocessing, str]:
    usual = Preprocessing.imagenet(
        int(row["resolution"]),
        crop_ratio=float(row["crop_pct"]),
        interpolation=row["interpolation"],
    )
    found = dataclasses.replace(
        usual,
        mean=triple(row["mean"]),
        std=triple(row["std"]),
        squash=row["crop_mode"] == "squash",
    )
    return found, f"timm's defaults for {row['name']}"
