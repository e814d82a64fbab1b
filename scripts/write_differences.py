"""Write docs/differences.md: this project's exact counts beside the paper's tables, and two maps.

Usage: python scripts/write_differences.py

A test proves that the committed page equals what this gives.
"""

from __future__ import annotations

from pathlib import Path

from effnet_core.architecture.families import V1
from effnet_core.architecture.names import variant
from effnet_core.architecture.scaling import BASE_RESOLUTION, ScalingCoefficients
from effnet_core.architecture.spec import expand
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.results.published import paper_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "differences.md"

# Table 7's rows: depth, width and resolution ratios on B0.
TABLE_7 = {
    "baseline": (1.0, 1.0, 1.0),
    "depth d=4": (4.0, 1.0, 1.0),
    "width w=2": (1.0, 2.0, 1.0),
    "resolution r=2": (1.0, 1.0, 2.0),
    "compound d=1.4 w=1.2 r=1.3": (1.4, 1.2, 1.3),
}

TEMPLATE = """# Where exact counts differ from the paper

Tan & Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*
(arXiv 1905.11946 v5), prints rounded costs. The columns "exact" are computed by this project
from the architecture alone, for 1,000 classes: parameters, and multiply-adds of convolutions and
the linear layer without biases, each multiply-add counted once. This page is written by
`python scripts/write_differences.py`, and a test fails when it is out of date.

## Table 2: B0–B7

| network | pixels | parameters, exact | paper | differs | multiply-adds, exact | paper | differs |
|---|---:|---:|---:|---:|---:|---:|---:|
{table_2}

All lie within 6 %. The exact parameters equal those of the published weights to the last one;
the paper prints two digits of them (and 9.2 M for B2, where 9.11 M rounds to 9.1 M).

## Table 7: B0 scaled to about four times its cost

| scaling of B0 | pixels | parameters, exact | multiply-adds, exact | paper | differs |
|---|---:|---:|---:|---:|---:|
{table_7}

The paper's figures for a single dimension are 14 to 24 % above the exact ones; those of the
baseline and of compound scaling agree. None of the three costs four times B0 exactly: more depth
leaves stem and head as they are, twice the width makes a depthwise convolution twice as dear and
not four times, and twice the resolution leaves squeeze-and-excitation and the classifier alone.
The paper prints no resolution for r = 1.3; 224 · 1.3 is taken as 291 pixels.

# Where maps differ from their papers and from other programs

Grad-CAM here equals captum's `LayerGradCam`; integrated gradients, occlusion and saliency are
captum's own. Layer-CAM is its paper's formula. All maps keep their sign: what a paper cuts off
below 0 is only left out of what is drawn.

**Grad-CAM++** (arXiv 1710.11063, eq. 19) weighs each channel by Σ α · max(g, 0), where g is the
logit's gradient by the channel's feature map A. There are four α:

| who | α |
|---|---|
| the paper, and `grad-cam-plus-plus-published` | 1 / (2 + ΣA · g) |
| `grad-cam-plus-plus` | 1 / (2 + Σmax(A, 0) · g) |
| pytorch-grad-cam 1.5.7 | g² / (2g² + ΣA · g³ + 10⁻⁶) |
| torchcam 0.5.0 | g² (its code divides a copy, and goes on with the original) |

The paper's feature maps are outputs of ReLU, so ΣA ≥ 0 and the first two are the same. The stages
of an EfficientNet put out sums that nothing clips: about half of their channels have ΣA < 0, the
divisor comes near 0 or below it, and few places then decide the map. With positive values alone it
is 2 or more. Lite0 on the sample picture "coffee", each map without its negative part and divided
by its largest value: the first two differ nowhere at stem and head convolution, which end in an
activation, and by more than 70 % of the largest value somewhere at stages 1 to 4. Gradients
are below 10⁻³ there, so that 10⁻⁶ outweighs g²: pytorch-grad-cam differs from the paper's
formula by more than 50 % as well, and so does torchcam.
"""


def page() -> str:
    """The whole page as text."""
    return TEMPLATE.format(table_2="\n".join(_table_2_rows()), table_7="\n".join(_table_7_rows()))


def table_7_cost(scaling: str) -> tuple[int, CostTotals]:
    """Input pixels and exact cost of one row of table 7."""
    depth, width, resolution = TABLE_7[scaling]
    pixels = round(BASE_RESOLUTION * resolution)
    spec = expand(V1, ScalingCoefficients(depth, width, pixels, 0.2), name=scaling)
    return pixels, summarize(spec)


def _table_2_rows() -> list[str]:
    rows = []
    for row in paper_table(2):
        if not row.model.startswith("EfficientNet-") or not row.params_m or not row.mult_adds_b:
            continue
        spec = variant(row.model.removeprefix("EfficientNet-").lower())
        cost = summarize(spec)
        rows.append(
            f"| {row.model} | {spec.resolution} "
            f"| {cost.params / 1e6:.2f} M | {row.params_m:g} M "
            f"| {_difference(cost.params / 1e6, row.params_m)} "
            f"| {_billions(cost)} | {row.mult_adds_b:g} B "
            f"| {_difference(cost.mult_adds / 1e9, row.mult_adds_b)} |"
        )
    return rows


def _table_7_rows() -> list[str]:
    rows = []
    for row in paper_table(7):
        pixels, cost = table_7_cost(row.scaling)
        if not row.mult_adds_b:
            continue
        rows.append(
            f"| {row.scaling} | {pixels} | {cost.params / 1e6:.2f} M | {_billions(cost)} "
            f"| {row.mult_adds_b:g} B | {_difference(cost.mult_adds / 1e9, row.mult_adds_b)} |"
        )
    return rows


def _billions(cost: CostTotals) -> str:
    return (
        f"{cost.mult_adds / 1e9:.3g} B"
        if cost.mult_adds >= 1e9
        else f"{cost.mult_adds / 1e9:.3f} B"
    )


def _difference(exact: float, printed: float) -> str:
    """How far the printed figure lies from the exact one."""
    text = f"{printed / exact - 1:+.1%}".replace("%", " %").replace("-", "−")
    return text.replace("−0.0", "0.0").replace("+0.0", "0.0")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}")
