"""The preprocessing that belongs to a published architecture, where a checkpoint does not say.

Libraries train the same architecture for different inputs (torchvision's B2 is tested at 288
pixels, the paper's at 260; timm's tf_efficientnetv2_s has mean 0.5), so the style of the
checkpoint's names decides whose defaults apply.
"""

from __future__ import annotations

import dataclasses
from functools import cache

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.data.tables import Row, read
from effnet_core.images import Preprocessing
from effnet_core.weights.key_names import Style
from effnet_core.weights.published import catalog, triple

DEFAULTS = "architecture's defaults"
TIMM_FILE = "preprocessing_timm.csv"
TIMM_COLUMNS = (
    "name", "resolution", "crop_pct", "crop_mode", "interpolation", "mean", "std",
)  # fmt: skip


def published_preprocessing(
    spec: ArchitectureSpec, style: Style, asked: str
) -> tuple[Preprocessing, str]:
    """The defaults for `spec`, which has the conventions of `style`, and whose defaults they are.

    `asked` is the name that stood for the architecture, or "" for a spec of one's own. torchvision:
    its default set of weights. timm and lukemelas: timm's settings, of the tag in `asked` where
    timm has it ("tf_efficientnet_b0.ap_in1k"). Otherwise ImageNet's usual evaluation.
    """
    if asked and style == "torchvision":
        for entry in catalog():
            if entry.default and entry.architecture == spec.name:
                return entry.preprocessing, f"torchvision's defaults for {spec.name}"
    if asked and style in ("timm", "lukemelas"):
        name, tag = _timm_name(spec), asked.strip().lower().partition(".")[2]
        row = _timm_rows().get(f"{name}.{tag}") or _timm_rows().get(name)
        if row is not None:
            return _from_timm(row)
    return Preprocessing.imagenet(spec.resolution), DEFAULTS


def _timm_name(spec: ArchitectureSpec) -> str:
    """timm's name; its "tf_" networks are those with TensorFlow's padding."""
    prefix = "tf_" if spec.padding == "same" else ""
    version, _, size = spec.name.rpartition("-")
    return f"{prefix}efficientnet{version}_{size}"


@cache
def _timm_rows() -> dict[str, Row]:
    return {row["name"]: row for row in read(TIMM_FILE)}


def _from_timm(row: Row) -> tuple[Preprocessing, str]:
    usual = Preprocessing.imagenet(
        int(row["resolution"]),
        crop_ratio=float(row["crop_pct"]),
        interpolation=row["interpolation"],
    )
    squashed = " (with a central crop where timm squashes)" if row["crop_mode"] == "squash" else ""
    return (
        dataclasses.replace(usual, mean=triple(row["mean"]), std=triple(row["std"])),
        f"timm's defaults for {row['name']}{squashed}",
    )
