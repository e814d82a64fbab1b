"""Write torchvision's published accuracies, costs, weights and class names as data files.

Usage: python scripts/published_from_torchvision.py

Reads every classification `Weights` object of the installed torchvision; tests prove that the
committed files equal what this gives.
"""

from __future__ import annotations

import math
from typing import Any

import torchvision
from torchvision.models import get_model_weights, list_models

from effnet_core.architecture.names import VARIANTS, canonical_name
from effnet_core.data.tables import (
    ACCURACY_COLUMNS,
    CLASS_COLUMNS,
    COST_COLUMNS,
    WEIGHTS_COLUMNS,
    Row,
    read,
    write,
)


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


def weights_table() -> list[Row]:
    """The rows of the file of EfficientNet's weights, B0 to B7 and then V2-S to V2-L."""
    models = sorted(
        list_models(include="efficientnet_*"),
        key=lambda model: VARIANTS.index(canonical_name(model)[0]),
    )
    return [_weights_row(weights) for model in models for weights in get_model_weights(model)]


def _weights_row(weights: Any) -> Row:
    meta, transform = weights.meta, weights.transforms()
    metrics = meta["_metrics"]["ImageNet-1K"]
    return {
        "id": str(weights),
        "url": weights.url,
        "size_mib": str(meta["_file_size"]),
        "params": str(meta["num_params"]),
        "top1": str(metrics["acc@1"]),
        "top5": str(metrics["acc@5"]),
        "recipe": meta["recipe"],
        "resize": str(transform.resize_size[0]),
        "crop": str(transform.crop_size[0]),
        "interpolation": transform.interpolation.value,
        "mean": " ".join(map(str, transform.mean)),
        "std": " ".join(map(str, transform.std)),
        "default": "yes" if weights == type(weights).DEFAULT else "",
    }


def class_table() -> list[Row]:
    """ImageNet-1k's classes as torchvision names them, beside the WordNet ids of the file."""
    names = get_model_weights("efficientnet_b0").DEFAULT.meta["categories"]
    return [
        {"wnid": row["wnid"], "name": name}
        for row, name in zip(read("imagenet_classes.csv"), names, strict=True)
    ]


if __name__ == "__main__":
    write("weights_torchvision.csv", WEIGHTS_COLUMNS, weights_table())
    write("imagenet_classes.csv", CLASS_COLUMNS, class_table())
    accuracy_rows, cost_rows = tables()
    write("accuracy_torchvision.csv", ACCURACY_COLUMNS, accuracy_rows)
    write("cost_torchvision.csv", COST_COLUMNS, cost_rows)
    print(f"{len(accuracy_rows)} accuracies, {len(cost_rows)} costs")
