"""From the folders of `effnet family` to what the app shows: a record for every finished run.

    python scripts/collect.py RUNS [RUNS …] --data DIR [--list processor]

Each RUNS is an --out of `effnet family`. Of the duel's networks and of the base the first seed is
bundled with its weights, of every other run the record alone is kept. What was collected already is
left as it is, so that this can be called again as runs finish.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterator
from pathlib import Path

from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.results.verdict import in_words
from effnet_core.training.family.runs import Family, FamilyRun, list_path, read
from effnet_core.training.family.training import validation_of
from effnet_core.training.runs.folder import RunFolder
from scripts.bundle import ASSETS, Naming, bundle, record_only


def naming(family: Family, run: FamilyRun, side: int) -> Naming:
    """What a run of the list is called where it is shown."""
    told = family.describe(run, on_cpu=True)
    phi = None if told["phi"] is None else f"{told['phi']:g}".replace("-", "−")
    name = {"family": f"φ = {phi}", "search": "best of a search"}.get(run.group)
    name = name or (run.id if run.group == "ablation" else in_words(run.strategy))
    return Naming(
        id=run.id,
        title=f"{name}, trained here ({family.num_classes} classes)",
        group=run.group,
        strategy=run.strategy,
        phi=told["phi"],
        base_phi=told["base_phi"],
        photos=f"Tiny-ImageNet-200, {family.num_classes} classes, {side} px",
    )


def with_weights(family: Family, run: FamilyRun) -> bool:
    """Whether a run's weights are bundled: the duel's and their base's, of the first seed."""
    bases = {one.network.base_phi for one in family.runs if one.network and one.group == "duel"}
    return run.seed == 0 and (run.group == "duel" or run.phi in bases)


def finished(family: Family, places: list[Path]) -> Iterator[tuple[FamilyRun, Path]]:
    """The runs that are trained and validated, with their folders, in the list's order."""
    for run in family.runs:
        for place in places:
            folder = place / run.id
            if RunFolder(folder).result() is not None and validation_of(folder) is not None:
                yield run, folder
                break


def collect(
    family: Family, places: list[Path], photos: PhotoSet, assets: Path = ASSETS
) -> Iterator[str]:
    """Collect what is finished and not collected yet; the ids of those."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for run, folder in finished(family, places):
        if (assets / "measured" / "runs" / f"{run.id}.json").exists():
            continue
        name, found = naming(family, run, photos.side), RunFolder(folder)
        if with_weights(family, run):
            bundle(found, name, photos, assets, date=today)
        else:
            seen = validation_of(folder)
            assert seen is not None  # `finished` looked
            record_only(found, name, seen, photos.side, assets, date=today)
        yield run.id


def main() -> None:
    """Read the command line and collect."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("runs", nargs="+", type=Path, help="an --out of `effnet family`")
    parser.add_argument("--data", type=Path, required=True, help="prepared folder with val")
    parser.add_argument("--list", default="processor", help="the list that was trained [processor]")
    args = parser.parse_args()
    photos = prepared.load(args.data, "val")
    if photos is None:
        raise SystemExit(f"{args.data} holds no validation photos.")
    family = read(list_path(args.list))
    for identity in collect(family, args.runs, photos):
        print(f"{identity} collected", flush=True)
    done = len(list(finished(family, args.runs)))
    print(f"{done} of {len(family.runs)} runs are finished.")


if __name__ == "__main__":
    main()
