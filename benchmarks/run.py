"""Time this project beside fvcore, torchvision and captum; write benchmarks/results/latest.json.

Each pair is first checked to give the same answer. All on the CPU, B0 at 224 × 224, batch 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
from captum.attr import LayerGradCam
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torchvision.models import efficientnet_b0

from benchmarks.protocol import Row, compare, machine
from effnet_core import cost
from effnet_core.attribution import attribute
from effnet_core.builder import build
from effnet_core.variants import variant
from effnet_core.weights.convert import convert

RESULTS = Path(__file__).parent / "results" / "latest.json"
PEERS = ("torch", "torchvision", "fvcore", "captum")


def counting(x: Tensor) -> Row:
    """Count B0's operations from its spec, and by tracing torchvision's network with fvcore."""
    spec = variant("b0")
    peer = efficientnet_b0().eval()

    def trace() -> int:
        analysis = FlopCountAnalysis(peer, x)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        return int(analysis.total())

    ours = cost.analyze(spec).totals.fvcore
    total = ours.conv + ours.linear + ours.batch_norm + ours.adaptive_avg_pool2d
    require(total == trace(), f"fvcore counts {trace()}, cost {total}")
    return compare(
        "count B0, every layer", lambda: cost.analyze(spec), "fvcore", trace, target=0.1, runs=15
    )


def forward(x: Tensor) -> Row:
    """Run B0 and torchvision's B0 with the same weights."""
    peer = with_lively_norms(efficientnet_b0().eval())
    state, spec = convert(peer.state_dict(), variant("b0"))
    ours = build(spec)
    ours.load_state_dict(state)
    with torch.inference_mode():
        difference = float((ours(x) - peer(x)).abs().max() / peer(x).abs().max())
        require(
            difference < 1e-5, f"torchvision's logits differ by {difference:.1e} of the largest"
        )
        return compare(
            "forward B0", lambda: ours(x), "torchvision", lambda: peer(x), target=1.05, runs=60
        )


def grad_cam(x: Tensor) -> Row:
    """Explain class 0 by Grad-CAM at the last feature map, here and with captum."""
    model = build(variant("b0"), seed=0)
    captum = LayerGradCam(model, model.head)

    def ours() -> Tensor:
        return torch.tensor(attribute(model, x, class_index=0).raw)

    def peer() -> Tensor:
        return captum.attribute(x, target=0).detach()[0, 0]

    difference = float((ours() - peer()).abs().max() / peer().abs().max())
    require(difference < 1e-5, f"captum's map differs by {difference:.1e} of its maximum")
    return compare("Grad-CAM B0, last map", ours, "captum", peer, target=1.0, runs=30)


def with_lively_norms(model: nn.Module) -> nn.Module:
    """Return a model whose batch-norm statistics vary: as initialised, all its logits are zero."""
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.01, 0.1)
        elif name.endswith("running_mean"):
            tensor.normal_(std=0.1)
    return model


def require(holds: bool, otherwise: str) -> None:
    """Stop where two answers that are to be timed are not the same."""
    if not holds:
        sys.exit(f"Nothing was timed: {otherwise}.")


def table(rows: list[Row]) -> Iterator[str]:
    """Return the printed lines: medians with quartiles in milliseconds, ratio, target."""
    yield f"{'':24}{'this project':>24}{'peer':>38}{'ratio':>8}{'target':>9}"
    for row in rows:
        ours = f"{row.ours:.2f} ({row.ours_quartiles[0]:.2f}–{row.ours_quartiles[1]:.2f})"
        peer = f"{row.peer:.2f} ({row.peer_quartiles[0]:.2f}–{row.peer_quartiles[1]:.2f})"
        verdict = "met" if row.met else "missed"
        yield (
            f"{row.name:24}{ours:>24}{row.peer_name:>14}{peer:>24}{row.ratio:>8.3f}"
            f"  ≤ {row.target:g} {verdict}"
        )
    yield "Milliseconds: median (quartiles); ratio: this project's median over the peer's."


def main() -> None:
    """Time every pair, print the table and write the results."""
    torch.manual_seed(0)
    x = torch.randn(1, 3, 224, 224)
    rows = [counting(x), forward(x), grad_cam(x)]
    print(*table(rows), sep="\n")
    result = {
        "measured": datetime.now(UTC).date().isoformat(),
        "unit": "milliseconds",
        "machine": machine(),
        "versions": {name: version(name) for name in PEERS},
        "rows": [asdict(row) for row in rows],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
