"""Write timm's published accuracies, costs and speeds as this project's data files.

Usage: python scripts/published_from_timm.py TABLE.csv

TABLE.csv has one row per model, recipe and test resolution, drawn from the `results/` folder of
pytorch-image-models, with the columns arch, recipe, img_size, crop_pct, interpolation, params_m,
gmacs, mactivations, top1, top5, top1_<test set> and one per benchmark. Here each measured number
becomes a row of its own. A test proves that the committed files equal what this gives.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from effnet_core.data.tables import (
    ACCURACY_COLUMNS,
    COST_COLUMNS,
    SPEED_COLUMNS,
    TEST_SETS,
    Row,
    write,
)

BENCHMARKS = {
    "rtx5090_amp": "rtx5090_amp_img_per_s",
    "rtx4090_amp": "rtx4090_amp_img_per_s",
    "rtx4090_amp_compiled": "rtx4090_amp_compiled_img_per_s",
    "i9_10940x_fp32_compiled": "cpu_i9_10940x_fp32_compiled_batch1_ms",
    "i7_12700h_fp32_compiled": "cpu_i7_12700h_fp32_compiled_batch1_ms",
}


def tables(rows: list[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """The rows of the accuracy, cost and speed files, in the order of the given table."""
    accuracies: list[Row] = []
    costs: dict[tuple[str, str], Row] = {}
    speeds: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        model, pixels = row["arch"], row["img_size"]
        for test_set in TEST_SETS:
            top1 = row["top1" if test_set == "imagenet" else f"top1_{test_set}"]
            if top1:
                accuracies.append(_accuracy(row, test_set, top1))
        costs[model, pixels] = {
            "model": model,
            "test_resolution": pixels,
            "params_m": row["params_m"],
            "mult_adds_b": row["gmacs"],
            "activations_m": row["mactivations"],
        }
        for benchmark, column in BENCHMARKS.items():
            if row[column]:
                speeds[model, pixels, benchmark] = {
                    "model": model,
                    "test_resolution": pixels,
                    "benchmark": benchmark,
                    "value": row[column],
                }
    return accuracies, list(costs.values()), list(speeds.values())


def _accuracy(row: Row, test_set: str, top1: str) -> Row:
    return {
        "model": row["arch"],
        "recipe": row["recipe"],
        "test_resolution": row["img_size"],
        "crop": row["crop_pct"],
        "interpolation": row["interpolation"],
        "test_set": test_set,
        "top1": top1,
        "top5": row["top5"] if test_set == "imagenet" else "",
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as table:
        accuracy_rows, cost_rows, speed_rows = tables(list(csv.DictReader(table)))
    write("accuracy_timm.csv", ACCURACY_COLUMNS, accuracy_rows)
    write("cost_timm.csv", COST_COLUMNS, cost_rows)
    write("speed_timm.csv", SPEED_COLUMNS, speed_rows)
    print(f"{len(accuracy_rows)} accuracies, {len(cost_rows)} costs, {len(speed_rows)} speeds")
