"""The layout of the published figures' data files, and how they are read and written."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
Row = dict[str, str]
"""One row of a data file: column to text, empty where nothing was published."""

DATA: Traversable = files("effnet_core") / "data"
TIMM_FILE, NOT_BUILT_FILE = "preprocessing_timm.csv", "not_built.csv"
TEST_SETS = ("imagenet", "real", "v2", "sketch", "a", "r")
ACCURACY_COLUMNS = (
    "model", "recipe", "test_resolution", "crop", "interpolation", "test_set", "top1", "top5",
)  # fmt: skip
COST_COLUMNS = ("model", "test_resolution", "params_m", "mult_adds_b", "activations_m")
WEIGHTS_COLUMNS = (
    "id", "url", "size_mib", "params", "top1", "top5", "recipe", "resize", "crop", "interpolation",
    "mean", "std", "default",
)  # fmt: skip
CLASS_COLUMNS = ("wnid", "name")
SPEED_COLUMNS = ("model", "test_resolution", "benchmark", "value")


def read(name: str) -> tuple[Row, ...]:
    """The rows of the data file `name`, such as "accuracy_timm.csv"."""
    return tuple(csv.DictReader((DATA / name).read_text(encoding="utf-8").splitlines()))


def write(name: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write the data file `name` in a source checkout."""
    with (Path(str(DATA)) / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def typed(rows: Iterable[Row], kind: type[T]) -> tuple[T, ...]:
    """Rows as the dataclass `kind`, whose default stands for an empty cell."""
    filled = [{name: cell for name, cell in row.items() if cell} for row in rows]
    return msgspec.convert(filled, tuple[kind, ...], strict=False)  # type: ignore[valid-type]
