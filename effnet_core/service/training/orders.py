"""From an upload and a wish to an order: everything is checked before a process is started."""

from __future__ import annotations

import dataclasses
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.datasets.listing import list_photos
from effnet_core.datasets.prepare import Progress, prepare, require_trainable
from effnet_core.datasets.trees import opened
from effnet_core.errors import DoesNotFit, InvalidInput, WeightsError
from effnet_core.files import readable_size
from effnet_core.limits import MAX_RUN_NAME, RunLimits
from effnet_core.network.build import free_bytes, resolve_device
from effnet_core.service.training.views import Contents
from effnet_core.training.finetune import preprocessing_of
from effnet_core.training.launch import OWN_DATA
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.order import Order
from effnet_core.weights import WeightsStore, resolve_weights

BASE_RESOLUTION = 128
"""Pixels at φ = 0: the photos people train on here are few, and their patience is minutes."""

RUN_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,39}[a-z0-9])?-[a-z2-7]{6}")

# A step was measured to need 4.1 to 4.8 times its convolutions' outputs in float32, and a process
# that trains 0.7 GB before its first step.
_BYTES_AN_ACTIVATION, _BYTES_A_PARAMETER, _BYTES_OF_A_PROCESS = 20, 20, 700_000_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for besides the photos.

    The network is the formula's at `phi`, with BASE_RESOLUTION at φ = 0, or that of `weights`, an
    id; at `resolution` pixels where it is given. `source` says in words where the photos are from.
    """

    name: str
    recipe: Recipe
    phi: float | None = None
    weights: str | None = None
    resolution: int | None = None
    source: str = "an uploaded zip"

    def __post_init__(self) -> None:
        if (self.phi is None) == (self.weights is None):
            raise InvalidInput("A run begins either from a φ or from weights.")


def look(upload: bytes, limits: RunLimits) -> Contents:
    """What the zip holds; no photo is read. Raises DataError or InvalidInput."""
    if len(upload) > limits.upload_bytes:
        raise InvalidInput(
            f"The zip has {readable_size(len(upload))}, and {readable_size(limits.upload_bytes)} "
            "are accepted; make the photos smaller, or take fewer."
        )
    with opened([upload], limits.of_zip()) as (tree, name):
        listing = list_photos(tree)
        require_trainable(listing, name)
    photos = [photo.class_id for photo in listing.photos["train"]]
    if len(photos) > limits.photos:
        raise InvalidInput(
            f"The zip holds {len(photos):,} photos, and {limits.photos:,} are accepted."
        )
    counts = dict.fromkeys(listing.class_ids, 0)
    for class_id in photos:
        counts[class_id] += 1
    return Contents(
        counts=tuple(zip(listing.classes, counts.values(), strict=True)),
        validation=len(listing.photos.get("val", ())),
    )


def network(wish: Wish, classes: int, store: WeightsStore) -> tuple[ArchitectureSpec, int]:
    """The network wished for, and the side that its photos are kept at.

    Raises InvalidInput for a φ or resolution out of range or weights that are not on this disk,
    and CheckpointError for weights that are damaged.
    """
    if wish.weights is None:
        spec = scaled(
            float(wish.phi or 0.0),
            base_resolution=BASE_RESOLUTION,
            resolution=wish.resolution,
            num_classes=classes,
        )
        return spec, spec.resolution
    ready = {stored.id for stored in store.listing() if stored.state == "ready"}
    if wish.weights not in ready:  # never a path: no file of the server is opened by its name
        raise InvalidInput(f"No weights called {wish.weights!r:.80} are on this disk.")
    loaded = resolve_weights(wish.weights, store)
    shown = preprocessing_of(loaded, wish.resolution)
    spec = dataclasses.replace(loaded.spec, num_classes=classes, resolution=shown.crop)
    return spec, shown.resize


def resolution(wish: Wish, store: WeightsStore) -> int | None:
    """Pixels that the network wished for sees; None for weights that are not known."""
    if wish.resolution is not None:
        return wish.resolution
    if wish.weights is None:
        return scaled(float(wish.phi or 0.0), base_resolution=BASE_RESOLUTION).resolution
    return next((s.resolution for s in store.listing() if s.id == wish.weights), None)


def same_work(order: Order, wish: Wish, pixels: int | None) -> bool:
    """Whether a photo takes the same work in both: the network, its pixels, what is trained."""
    return (order.phi, order.weights, order.spec.resolution) == (
        wish.phi,
        wish.weights,
        pixels,
    ) and all(
        getattr(order.recipe, field) == getattr(wish.recipe, field)
        for field in ("batch", "micro_batches", "frozen_stages", "policy", "first_resolution")
    )


def require_fitting(spec: ArchitectureSpec, recipe: Recipe, limits: RunLimits) -> None:
    """Raise DoesNotFit or InvalidInput for what this machine or the page cannot train."""
    totals = summarize(spec)
    if totals.mult_adds > limits.mult_adds:
        raise DoesNotFit(
            f"{spec.name} at {spec.resolution} pixels takes {totals.mult_adds / 1e9:.1f} B "
            f"multiply-adds a photo, and {limits.mult_adds / 1e9:.1f} B are accepted here; choose "
            "a smaller φ or fewer pixels, or `effnet train` on the command line."
        )
    if recipe.frozen_stages > spec.stage_count + 2:
        raise InvalidInput(
            f"{spec.name} has {spec.stage_count + 2} stages; {recipe.frozen_stages} cannot be "
            "frozen."
        )
    device = resolve_device()
    needed = (
        recipe.micro_batch * totals.activations * _BYTES_AN_ACTIVATION
        + totals.params * _BYTES_A_PARAMETER
        + (_BYTES_OF_A_PROCESS if device.type == "cpu" else 0)
    )
    free = free_bytes(device)
    if needed > free:
        raise DoesNotFit(
            f"To train {spec.name} on {recipe.micro_batch} photos of {spec.resolution} pixels at "
            f"once takes about {readable_size(needed)} of memory, and {readable_size(free)} are "
            "free; choose a smaller φ or fewer pixels."
        )


def require_room(root: Path, contents: Contents, side: int, spec: ArchitectureSpec) -> None:
    """Raise WeightsError unless the disk has room for the photos and what training writes."""
    photos = (contents.photos + contents.validation) * 3 * side**2
    weights = summarize(spec).params * _BYTES_A_PARAMETER  # a checkpoint being replaced by another
    needed, free = photos + 3 * weights, shutil.disk_usage(root).free
    if needed > free:
        raise WeightsError(
            f"This run would take about {readable_size(needed)} of the disk, and "
            f"{readable_size(free)} are free; remove runs that are no longer needed."
        )


def draw_up(
    upload: bytes,
    wish: Wish,
    place: Path,
    *,
    store: WeightsStore,
    limits: RunLimits,
    taken: Iterable[str],
    progress: Progress,
) -> Order:
    """Prepare the photos in the folder `place` and write the order beside them.

    The name gets a number where it is among those `taken`. Raises EffnetError; what has been
    written by then the caller removes.
    """
    contents = look(upload, limits)
    spec, side = network(wish, len(contents.counts), store)
    kept = (contents.photos + contents.validation) * 3 * side**2
    if kept > limits.prepared_bytes:
        raise InvalidInput(
            f"{contents.photos + contents.validation:,} photos of {side} × {side} pixels take "
            f"{readable_size(kept)}, and a run may keep {readable_size(limits.prepared_bytes)}; "
            "choose fewer pixels or fewer photos."
        )
    require_fitting(spec, wish.recipe, limits)
    require_room(place.parent, contents, side, spec)
    report = prepare(
        [upload], place / OWN_DATA, side=side, limits=limits.of_zip(), progress=progress
    )
    _require_a_batch(report.photos("train"), wish.recipe)
    name = unused(cleaned(wish.name), set(taken))
    order = Order(
        id=new_id(name),
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        source=wish.source,
        photos=report.photos("train"),
        left_out=len(report.unreadable),
        classes=report.classes,
        phi=wish.phi,
        weights=wish.weights,
        weights_title=_title(wish, store),
        spec=spec,
        recipe=wish.recipe,
    )
    order.write(place)
    return order


def cleaned(name: str) -> str:
    """The name on one line, at most MAX_RUN_NAME characters; "Run" where nothing is left.

    The dot between the words of other models' names is taken out: no run is mistaken for them.
    """
    name = name.replace("·", "-")
    plain = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in name)
    return " ".join(plain.split())[:MAX_RUN_NAME].strip() or "Run"


def unused(name: str, taken: set[str]) -> str:
    """The name, or with the first number that makes it a new one; case does not tell apart."""
    known = {other.casefold() for other in taken}
    number, found = 1, name
    while found.casefold() in known:
        number += 1
        found = f"{name[: MAX_RUN_NAME - 5]} {number}"
    return found


def new_id(name: str) -> str:
    """An id that is never given twice: the name as ASCII, and letters drawn by lot."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:30].strip("-") or "run"
    return f"{stem}-{''.join(secrets.choice(_LETTERS) for _ in range(6))}"


def _require_a_batch(photos: int, recipe: Recipe) -> None:
    if photos - recipe.held_out < recipe.batch:
        raise InvalidInput(
            f"Only {photos:,} of the photos can be read, of which {recipe.held_out:,} are held "
            f"out: too few for one batch of {recipe.batch}. Add photos."
        )


def _title(wish: Wish, store: WeightsStore) -> str:
    titles = {stored.id: stored.title for stored in store.listing()}
    return titles[wish.weights] if wish.weights else ""
