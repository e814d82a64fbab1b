"""What `effnet evaluate` says of its result: warnings, tables, CSV files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from effnet_core import files
from effnet_core.attribution.scores import METRICS, MapScores
from effnet_core.cli.common import print_table
from effnet_core.cli.folders import warn_of_unreadable
from effnet_core.cli.streams import warn

if TYPE_CHECKING:
    from effnet_core.datasets.photo_files import Source
    from effnet_core.evaluation.result import ClassAccuracy, Evaluation

NAMED = 10
"""So many missing classes are named on standard error; JSON names all."""

SHOWN = 5
"""So many of the best and of the worst classes are shown."""


def warn_of_missing(found: Evaluation) -> None:
    """Say which classes and photos were left out, and why."""
    for missing in found.left_out[:NAMED]:
        warn(f"{_named(missing.class_id, missing.name)} was left out: {missing.reason}")
    if found.left_out:
        photos = sum(missing.photos for missing in found.left_out)
        warn(f"Left out in all: classes {len(found.left_out):,}, with photos {photos:,}.")
    warn_of_unreadable(found.unreadable, "--json")


def _named(class_id: str, name: str) -> str:
    return f"the class {name!r}" + ("" if class_id == name else f" ({class_id})")


def print_result(source: Source, found: Evaluation) -> None:
    """Print the accuracy, the best and worst classes and the most frequent mistakes."""
    print(
        f"{source.name} ({source.form}{f', {source.split}' if source.split else ''}): "
        f"{found.photos:,} photos of {len(found.per_class):,} classes, told from the model's "
        f"{len(found.classes):,}\n" + (f"{found.assumed}\n" if found.assumed else "")
    )
    print_table(
        ("Measured", "Value"),
        [
            ("Top-1", f"{found.top1:.2%} ± {found.top1_standard_error:.2%} (standard error)"),
            ("Mean of the classes", f"{found.class_mean:.2%} (top-1)"),
            ("Top-5", f"{found.top5:.2%}"),
            ("Loss", f"{found.loss:.4f} nats"),
            (
                "Calibration error",
                f"{found.confidence_error:.2%} ({len(found.confidence_bins)} bins)",
            ),
            ("Images a second", f"{found.images_per_second:,.1f}, from bytes to answers"),
        ],
    )
    ordered = sorted(found.per_class, key=lambda entry: (-entry.top1, -entry.top5))
    if len(ordered) <= 2 * SHOWN:
        _print_classes("Classes", ordered)
    else:
        _print_classes("Best classes", ordered[:SHOWN])
        _print_classes("Worst classes", ordered[: -SHOWN - 1 : -1])
    if confused := found.most_confused(SHOWN):
        print("\nMost often confused\n")
        print_table(
            ("Class", "Taken for", "Photos"),
            [(entry.true, entry.predicted, entry.photos) for entry in confused],
        )


def _print_classes(title: str, entries: Sequence[ClassAccuracy]) -> None:
    print(f"\n{title}\n")
    print_table(
        ("Class", "Photos", "Top-1", "Top-5"),
        [(entry.name, entry.photos, f"{entry.top1:.1%}", f"{entry.top5:.1%}") for entry in entries],
    )


def print_maps(rows: tuple[MapScores, ...], seed: int) -> None:
    """Print a row for each map and each control."""
    print(
        f"\nMaps of the true class on {rows[0].photos:,} photos with boxes (seed {seed}); the "
        f"box covers {rows[0].box_share.mean:.1%} of the view\n"
    )
    print_table(
        ("Map", "Stage", "Grid", *METRICS.values()),
        [
            (
                row.subject,
                "–" if row.stage is None else str(row.stage),
                "{} × {}".format(*row.grid),
                *(f"{getattr(row, metric).mean:.3f}" for metric in METRICS),
            )
            for row in rows
        ],
    )


def write(found: Evaluation, table: Path | None, matrix: Path | None) -> None:
    """Write the accuracy on each class and the confusion matrix, each where it is asked for."""
    if table is not None:
        fields = [field.name for field in dataclasses.fields(found.per_class[0])]
        lines = [dataclasses.astuple(entry) for entry in found.per_class]
        files.write(table, _bytes([fields, *lines]))
    if matrix is not None:
        files.write(matrix, _bytes(_matrix(found)))


def _matrix(found: Evaluation) -> Iterator[Sequence[object]]:
    """A row for each true class, of the classes that photos have or were taken for."""
    counts = found.confusion
    used = np.flatnonzero(counts.any(0) | counts.any(1)).tolist()
    yield ["true class", *(found.classes[number] for number in used)]
    for number in used:
        yield [found.classes[number], *counts[number, used].tolist()]


def _bytes(lines: Iterable[Sequence[object]]) -> bytes:
    return files.csv_text(lines).encode("utf-8", "backslashreplace")
