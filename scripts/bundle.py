"""From a finished run to a bundled model: weights in float16, records, manifest, model card.

Nothing is typed in by hand: every figure of the card is read from the records, and the records
hold what was measured on the very file that is bundled.
"""

from __future__ import annotations

import argparse
import datetime
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from effnet_core import files
from effnet_core.attribution.scoring import score_maps
from effnet_core.cost.report import summarize
from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.evaluation.accuracy import evaluate
from effnet_core.evaluation.model_card import model_card
from effnet_core.training.family.runs import Group
from effnet_core.training.family.training import validation_of
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.trainer import TrainingError
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint, serialise
from effnet_core.weights.tensor_files import Array

ASSETS = Path(__file__).parents[1] / "assets"

MAP_PHOTOS = 500
LICENCE = (
    "Apache-2.0 for the weights as such; the photos that they learnt from are ImageNet's, which "
    "are for non-commercial research."
)
ORIGIN = "trained by this project; the model card says how"


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What a bundled model is called and where it belongs.

    `group` is "family", "duel", "ablation" or "search", `base_phi` the φ that a duel starts from.
    `photos` is what the photos are called, None for the run's own name of them.
    """

    id: str
    title: str
    group: str
    strategy: str
    phi: float | None
    base_phi: float | None = None
    photos: str | None = None


def half_precision(loaded: LoadedWeights) -> LoadedWeights:
    """The same weights in float16; raises CheckpointError for a value that float16 cannot hold."""
    tensors: dict[str, Array] = {}
    for name, values in loaded.tensors.items():
        with np.errstate(over="ignore"):
            tensors[name] = values.astype(np.float16) if values.dtype.kind == "f" else values
        if not np.isfinite(tensors[name]).all():
            raise CheckpointError(f"{name} holds values that float16 cannot; keep it in float32.")
    return replace(loaded, tensors=tensors)


def bundle(
    run: RunFolder, naming: Naming, validation: PhotoSet, assets: Path, *, date: str
) -> dict[str, Any]:
    """Write model, manifest entry, run and map records and model card; returns the run's record.

    `validation` is evaluated once, with the file in float16; `date` is the day as yyyy-mm-dd.
    Raises TrainingError if the run is not finished, InvalidInput if its classes are others.
    """
    record = run_record(run, naming, side=validation.side, date=date)
    file = assets / "models" / f"{naming.id}.safetensors"
    weights = half_precision(load_checkpoint(run.model))
    if weights.classes != validation.classes:
        raise InvalidInput("The validation photos have other classes than the network.")
    files.write(file, serialise(weights))
    predictor = Predictor(replace(load_checkpoint(file), id=naming.id), device="cpu")
    record["validation"] = evaluate(predictor, validation).measured()
    record["weights"] = {"file": file.name, "sha256": files.sha256(file)}
    maps = _map_record(predictor, naming, validation, date)
    _write(assets / "measured" / "runs" / f"{naming.id}.json", record)
    _write(assets / "measured" / "maps" / f"{naming.id}.json", maps)
    entry = _entry(naming, file, predictor, record)
    _enter(assets / "models" / "models.json", entry)
    write_card(naming.id, assets)
    return record


def record_only(
    run: RunFolder,
    naming: Naming,
    validation: dict[str, Any],
    side: int,
    assets: Path,
    *,
    date: str,
) -> dict[str, Any]:
    """Write the record of a run whose weights are not bundled; returns it.

    `validation` is what `effnet family` measured after the run, on photos of `side` pixels. Raises
    TrainingError if the run is not finished.
    """
    record = run_record(run, naming, side=side, date=date)
    record["validation"] = validation
    _write(assets / "measured" / "runs" / f"{naming.id}.json", record)
    return record


def write_card(identity: str, assets: Path) -> None:
    """Write the model card of a bundled model from its manifest entry and records."""
    models = _read(assets / "models" / "models.json")["models"]
    entry = next(model for model in models if model["id"] == identity)
    record = _read(assets / "measured" / "runs" / f"{identity}.json")
    maps = _read(assets / "measured" / "maps" / f"{identity}.json")
    card = (assets / "models" / entry["file"]).with_suffix(".md")
    files.write(card, model_card(entry, record, maps).encode())


def run_record(run: RunFolder, naming: Naming, *, side: int, date: str) -> dict[str, Any]:
    """What `assets/measured/runs` holds of a run, without validation and weights (None).

    Raises TrainingError if the run is not finished.
    """
    result = run.result()
    if result is None:
        raise TrainingError(f"{run.path} is not finished, so there is nothing to record.")
    begun = run.begun()
    recipe, spec, about = begun.recipe, begun.spec, begun.about
    named, photos = asdict(naming), {**about["data"], "side": side}
    photos["name"] = named.pop("photos") or photos["name"]
    epochs = [metric for metric in run.read_metrics() if metric["kind"] == "epoch"]
    return {
        **named,
        "seed": recipe.seed,
        "name": spec.name,
        "spec": spec.to_dict(),
        "recipe": recipe.to_dict(),
        "data": {key: value for key, value in photos.items() if key != "path"},
        "from": about.get("from"),
        "environment": {key: about[key] for key in ("effnet", "torch", "python") if key in about},
        "device": about["device"],
        "threads": about["threads"],
        "seconds": result.seconds,
        "photos_per_second": result.photos_per_second,
        "held_out": {"top1": result.top1, "top5": result.top5},
        "validation": None,
        "curve": [
            {
                "epoch": metric["epoch"],
                "loss": metric["loss"],
                "learning_rate": metric["learning_rate"],
                "top1": metric.get("held_out", {}).get("top1"),
            }
            for metric in epochs
        ],
        "weights": None,
        "date": date,
    }


def _map_record(
    predictor: Predictor, naming: Naming, photos: PhotoSet, date: str
) -> dict[str, Any]:
    rows = score_maps(predictor, photos, count=MAP_PHOTOS)
    return {
        "run": naming.id,
        "method": "grad-cam",
        "photos": rows[0].photos,
        "seed": 0,
        "rows": [row.to_dict() for row in rows],
        "date": date,
    }


def _entry(
    naming: Naming, file: Path, predictor: Predictor, record: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": naming.id,
        "title": naming.title,
        "file": file.name,
        "sha256": record["weights"]["sha256"],
        "size_bytes": file.stat().st_size,
        "architecture": predictor.spec.name,
        "stage_count": predictor.spec.stage_count,
        "params": summarize(predictor.spec).params,
        "classes": list(predictor.classes),
        "preprocessing": predictor.preprocessing.to_dict(),
        "padding": predictor.spec.padding,
        "bn_eps": predictor.spec.bn_eps,
        "run": naming.id,
        "top1": record["validation"]["top1"],
        "data": f"{record['validation']['photos']:,} validation photos of Tiny-ImageNet-200, "
        f"{len(predictor.classes)} classes",
        "licence": LICENCE,
        "origin": ORIGIN,
    }


def _enter(manifest: Path, entry: dict[str, Any]) -> None:
    """Put the entry into the manifest, in place of an earlier one of its id."""
    known = []
    if manifest.exists():
        known = _read(manifest)["models"]
    others = [model for model in known if model["id"] != entry["id"]]
    models = sorted([*others, entry], key=lambda model: (-model["top1"], model["id"]))
    _write(manifest, {"models": models})


def _read(path: Path) -> dict[str, Any]:
    return dict(files.read_json(path))


def _write(path: Path, value: dict[str, Any]) -> None:
    files.write_json(path, value)


def main() -> None:
    """Read the command line and bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--data", type=Path, required=True, help="prepared folder with val")
    parser.add_argument("--id", required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--group", choices=get_args(Group), default="family")
    parser.add_argument("--strategy", default="compound")
    parser.add_argument("--phi", type=float)
    parser.add_argument("--base-phi", type=float)
    parser.add_argument("--record-only", action="store_true", help="do not bundle the weights")
    args = parser.parse_args()
    naming = Naming(
        id=args.id,
        title=args.title,
        group=args.group,
        strategy=args.strategy,
        phi=args.phi,
        base_phi=args.base_phi,
    )
    validation = prepared.load(args.data, "val")
    if validation is None:
        raise SystemExit(f"{args.data} holds no validation photos.")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    run = RunFolder(args.run)
    if args.record_only:
        measured = validation_of(args.run)
        if measured is None:
            raise SystemExit(f"{args.run} has no validation result; `effnet family` measures it.")
        record = record_only(run, naming, measured, validation.side, ASSETS, date=today)
    else:
        record = bundle(run, naming, validation, ASSETS, date=today)
    print(record["validation"])


if __name__ == "__main__":
    main()
