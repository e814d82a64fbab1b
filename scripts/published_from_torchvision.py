"""Write torchvision's published accuracies and costs as this project's data files.

Usage: python scripts/published_from_torchvision.py

Reads every classification `Weights` object of the installed torchvision; a test proves that the
committed files equal what this gives.
"""

from __future__ import annotations

import math

import torchvision
from torchvision.models import get_model_weights, list_models

from effnet_core.data.tables import ACCURACY_COLUMNS, COST_COLUMNS, Row, write


def tables() -> tuple[list[Row], list[Row]]:
    """The rows of the accuracy file and of the cost file, sorted by model and recipe."""
    accuracies: dict[tuple[str, str], Row] = {}
    costs: dict[tuple[str, int], Row] = {}
    for model in list_models(module=torchvision.models):
        for weights in get_model_weights(model):
            metrics, transform = weights.meta["_metrics"]["ImageNet-1K"], weights.transforms()
            if math.isnan(metrics["acc@1"]):  # a feature extractor, never a classifier
                continue
            crop, resize = transform.crop_size[0], transform.resize_size[0]
            accuracies[model, weights.name] = {
                "model": model,
                "recipe": weights.name,
                "test_resolution": str(crop),
                "crop": f"{crop / resize:.4g}",
                "interpolation": transform.interpolation.value,
                "test_set": "imagenet",
                "top1": str(metrics["acc@1"]),
                "top5": str(metrics["acc@5"]),
            }
            costs[model, crop] = {
                "model": model,
                "test_resolution": str(crop),
                "params_m": f"{weights.meta['num_params'] / 1e6:.6f}",
                "mult_adds_b": str(weights.meta["_ops"]),
                "activations_m": "",
            }
    return [accuracies[key] for key in sorted(accuracies)], [costs[key] for key in sorted(costs)]


if __name__ == "__main__":
    accuracy_rows, cost_rows = tables()
    write("accuracy_torchvision.csv", ACCURACY_COLUMNS, accuracy_rows)
    write("cost_torchvision.csv", COST_COLUMNS, cost_rows)
    print(f"{len(accuracy_rows)} accuracies, {len(cost_rows)} costs")
