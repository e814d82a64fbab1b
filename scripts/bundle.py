"""Make a bundled model of a finished run; see `effnet_core.training.bundling`."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from effnet_core.datasets.prepared import load
from effnet_core.training.bundling import Naming, bundle, record_only
from effnet_core.training.family.training import validation_of
from effnet_core.training.runs.folder import RunFolder

ASSETS = Path(__file__).parents[1] / "assets"


def main() -> None:
    """Read the command line and bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--data", type=Path, required=True, help="prepared folder with val")
    parser.add_argument("--id", required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--group", choices=("family", "duel", "ablation"), default="family")
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
    validation = load(args.data, "val")
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
