"""What number formats change in answers, on labelled photos: the table in docs/engines.md.

Weights and photos are not part of the project: `EFFNET_TEST_DATA` names the folder that has them,
as for the tests. `python -m benchmarks.formats` measures, writes the record beside the other
results and prints the table.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from effnet_core.engines.predictor import Predictor
from effnet_core.weights import LoadedWeights, load_checkpoint

FILE = Path(__file__).parent / "results" / "formats.json"
ARCHITECTURE = "tf_efficientnetv2_b0"

Answers = tuple[npt.NDArray[np.float32], ...]
"""The probabilities of each photo."""


@dataclass(frozen=True, kw_only=True)
class FormatRow:
    """One number format on `photos` photos, beside float32 in torch's eager mode.

    `right` and `among_five` count photos whose class comes first, or among the first five; `same`
    those with float32's first class; the changes are of any class's probability on a photo, the
    largest photo's and the median photo's.
    """

    name: str
    photos: int
    right: int
    among_five: int
    same: int
    largest_change: float
    median_change: float


def measure(folder: Path) -> tuple[FormatRow, ...]:
    """Every format; raises FileNotFoundError where the folder has no such weights or photos."""
    loaded = load_checkpoint(
        folder / "weights" / f"{ARCHITECTURE}.safetensors", architecture=ARCHITECTURE
    )
    photos = tuple(sorted((folder / "photos").glob("n*_*.JPEG")))
    if not photos:
        raise FileNotFoundError(f"No photos named after their class in {folder / 'photos'}.")
    ways: dict[str, Callable[[], Answers]] = {
        "float32, torch": lambda: _answers(_predictor(loaded, eager=True), photos),
        "float32, ONNX Runtime": lambda: _answers(_predictor(loaded), photos),
        "float64": lambda: _answers(_predictor(loaded, "float64"), photos),
        "float16": lambda: _answers(_predictor(loaded, "float16"), photos),
        "bfloat16": lambda: _answers(_predictor(loaded, "bfloat16"), photos),
        "bfloat16 autocast, on the CPU": lambda: _autocast(loaded, photos),
    }
    found = {name: way() for name, way in ways.items()}
    truth = _truth(photos)
    return tuple(_row(name, got, found["float32, torch"], truth) for name, got in found.items())


def table(rows: tuple[FormatRow, ...]) -> str:
    """The rows as the page's table, in Markdown."""
    lines = [
        "| number format | right at first / among five | the same first class | probability: "
        "largest change | median of photos |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.name} | {row.right} / {row.among_five} | {row.same} of {row.photos} | "
        f"{row.largest_change:.1g} | {row.median_change:.1g} |"
        for row in rows
    ]
    return "\n".join(lines)


def recorded() -> tuple[FormatRow, ...]:
    """The rows measured last."""
    values = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(FormatRow(**row) for row in values["rows"])


def _predictor(loaded: LoadedWeights, dtype: str = "float32", *, eager: bool = False) -> Predictor:
    return Predictor(loaded, device="cpu", dtype=dtype, engine="eager" if eager else "auto")


def _answers(predictor: Predictor, photos: tuple[Path, ...]) -> Answers:
    return tuple(predictor.predict_bytes(path.read_bytes()).probabilities for path in photos)


def _autocast(loaded: LoadedWeights, photos: tuple[Path, ...]) -> Answers:
    with torch.autocast("cpu", torch.bfloat16):
        return _answers(_predictor(loaded, eager=True), photos)


def _truth(photos: tuple[Path, ...]) -> tuple[int, ...]:
    """The class of each photo by the WordNet id at the start of its name."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    places = {info.index_to_label_name(index): index for index in range(1000)}
    return tuple(places[path.name.split("_")[0]] for path in photos)


def _row(name: str, got: Answers, base: Answers, truth: tuple[int, ...]) -> FormatRow:
    changes = [float(np.abs(one - other).max()) for one, other in zip(got, base, strict=True)]
    firsts = [int(each.argmax()) for each in got]
    fives = [np.argsort(-each, kind="stable")[:5] for each in got]
    return FormatRow(
        name=name,
        photos=len(got),
        right=sum(first == true for first, true in zip(firsts, truth, strict=True)),
        among_five=sum(bool(true in five) for true, five in zip(truth, fives, strict=True)),
        same=sum(first == int(each.argmax()) for first, each in zip(firsts, base, strict=True)),
        largest_change=max(changes),
        median_change=statistics.median(changes),
    )


def main() -> None:
    """Measure, write the record, print the table."""
    rows = measure(Path(os.environ["EFFNET_TEST_DATA"]))
    about = {
        "weights": ARCHITECTURE,
        "torch": torch.__version__,
        "rows": [asdict(row) for row in rows],
    }
    FILE.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
