"""Score the last maps of the packaged networks on photos with boxes; write them to `assets`.

Usage: python scripts/measure_packaged.py SOURCE [ID…], SOURCE as for `effnet evaluate`.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

from effnet_core import files
from effnet_core.datasets.photo_files import open_photos
from effnet_core.engines import Predictor
from effnet_core.evaluation.maps import evaluate_maps
from effnet_core.weights import WeightsStore
from effnet_core.weights.packaged import packaged_weights

ASSETS = Path(__file__).resolve().parents[1] / "assets" / "measured" / "packaged"
PHOTOS = 500


def measure(source: Path, identity: str) -> None:
    """Write the record of one network: Grad-CAM at its last stage, and the controls."""
    predictor = Predictor(WeightsStore().source(identity).load(), device="cpu")
    with open_photos(source) as opened:
        rows = evaluate_maps(predictor, opened.photos, stages=("last",), count=PHOTOS)
    record = {
        "run": identity,
        "method": "grad-cam",
        "photos": rows[0].photos,
        "seed": 0,
        "rows": [row.to_dict() for row in rows],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    files.write_json(ASSETS / f"{identity}.json", record)
    print(identity, "pointing", rows[0].pointing.percent, "energy", rows[0].energy.percent)


if __name__ == "__main__":
    for name in sys.argv[2:] or [each.id for each in packaged_weights()]:
        measure(Path(sys.argv[1]), name)
