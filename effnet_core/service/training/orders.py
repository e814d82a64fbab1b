"""From an upload and a wish to an order: everything is checked before a process is started."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.datasets.listing import list_photos, without_disguised
from effnet_core.datasets.passed_over import PassedOver
from effnet_core.datasets.prepare import Progress, prepare, require_trainable
from effnet_core.datasets.splits import FoldersAre
from effnet_core.datasets.trees import opened
from effnet_core.errors import DoesNotFit, InvalidInput, WeightsError
from effnet_core.files import readable_size
from effnet_core.limits import RunLimits
from effnet_core.network.build import free_bytes, resolve_device
from effnet_core.service.training.names import cleaned, new_id, unused
from effnet_core.training.finetune import preprocessing_of
from effnet_core.training.job import OWN_DATA
from effnet_core.training.memory import BYTES_A_PARAMETER, likely_bytes
from effnet_core.training.presets import BASE_RESOLUTION
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.run import Order, Run
from effnet_core.weights import WeightsStore, resolve_weights

_STEPS_TO_TRUST = 20  # before the first of them the machine was still warming up


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for besides the photos.

    The network is the formula's at `phi`, with BASE_RESOLUTION at φ = 0, or that of `weights`, an
    id; at `resolution` pixels where it is given. `source` says in words where the photos are
    from, and `folders_are` what the zip's folders are, where it has been asked.
    """

    name: str
    recipe: Recipe
    phi: float | None = None
    weights: str | None = None
    resolution: int | None = None
    source: str = "an uploaded zip"
    folders_are: FoldersAre | None = None

    def __post_init__(self) -> None:
        if (self.phi is None) == (self.weights is None):
            raise InvalidInput("A run begins either from a φ or from weights.")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an uploaded zip holds, by the names of its files alone.

    `counts` are training photos by class, in the order of the classes. `validation` photos in a
    folder of their own are not trained on; `passed_over` is what the zip holds besides.
    """

    counts: tuple[tuple[str, int], ...]
    validation: int
    passed_over: PassedOver

    @property
    def photos(self) -> int:
        """Training photos of all classes."""
        return sum(count for _, count in self.counts)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long a run will take, by the speed that was measured in the run called `by`."""

    seconds: float
    photos_per_second: float
    by: str


def look(upload: bytes, limits: RunLimits, folders_are: FoldersAre | None = None) -> Contents:
    """What the zip holds; of photos only the first bytes are read.

    Raises DataError (AmbiguousFolders where it has to be said what the folders are) or
    InvalidInput.
    """
    if len(upload) > limits.upload_bytes:
        raise InvalidInput(
            f"The zip has {readable_size(len(upload))}, and {readable_size(limits.upload_bytes)} "
            "are accepted; make the photos smaller, or take fewer."
        )
    with opened([upload], limits.of_zip()) as (tree, name):
        listing = without_disguised(list_photos(tree, folders_are=folders_are))
        require_trainable(listing, name)
    photos = Counter(photo.class_id for photo in listing.photos["train"])
    if photos.total() > limits.photos:
        raise InvalidInput(
            f"The zip holds {photos.total():,} photos, and {limits.photos:,} are accepted."
        )
    counts = [photos[class_id] for class_id in listing.class_ids]
    return Contents(
        counts=tuple(zip(listing.classes, counts, strict=True)),
        validation=len(listing.photos.get("val", ())),
        passed_over=listing.passed_over,
    )


def estimate(wish: Wish, photos: int, runs: Iterable[Run], store: WeightsStore) -> Estimate | None:
    """How long it would take by the first of `runs` that did the same work a photo, if any."""
    pixels = _resolution(wish, store)
    for run in runs:
        status = run.status
        if run.order is None or status is None or not _same_work(run.order, wish, pixels):
            continue
        if status.step >= _STEPS_TO_TRUST and status.photos_per_second:
            speed = status.photos_per_second
            seconds = wish.recipe.epochs * (photos - wish.recipe.held_out) / speed
            return Estimate(seconds=seconds, photos_per_second=speed, by=run.name)
    return None


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
    contents = look(upload, limits, wish.folders_are)
    spec, side = _network(wish, len(contents.counts), store)
    kept = (contents.photos + contents.validation) * 3 * side**2
    if kept > limits.prepared_bytes:
        raise InvalidInput(
            f"{contents.photos + contents.validation:,} photos of {side} × {side} pixels take "
            f"{readable_size(kept)}, and a run may keep {readable_size(limits.prepared_bytes)}; "
            "choose fewer pixels or fewer photos."
        )
    _require_acceptable(spec, wish.recipe, limits)
    _require_memory(spec, wish.recipe)
    _require_disk(place.parent, kept, spec)
    report = prepare(
        [upload],
        place / OWN_DATA,
        side=side,
        folders_are=wish.folders_are,
        limits=limits.of_zip(),
        progress=progress,
    )
    _require_a_batch(report.photos("train"), wish.recipe)
    name = unused(cleaned(wish.name), set(taken))
    titles = {stored.id: stored.title for stored in store.listing()}
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
        weights_title=titles[wish.weights] if wish.weights else "",
        spec=spec,
        recipe=wish.recipe,
    )
    order.write(place)
    return order


def _network(wish: Wish, classes: int, store: WeightsStore) -> tuple[ArchitectureSpec, int]:
    """The network wished for, and the side that its photos are kept at.

    Raises InvalidInput for a φ or resolution out of range or weights that are not on this disk,
    and CheckpointError for weights that are damaged.
    """
    if wish.weights is None:
        spec = _from_scratch(wish, classes)
        return spec, spec.resolution
    ready = {stored.id for stored in store.listing() if stored.state == "ready"}
    if wish.weights not in ready:  # never a path: no file of the server is opened by its name
        raise InvalidInput(f"No weights called {wish.weights!r:.80} are on this disk.")
    loaded = resolve_weights(wish.weights, store)
    shown = preprocessing_of(loaded, wish.resolution)
    spec = dataclasses.replace(loaded.spec, num_classes=classes, resolution=shown.crop)
    return spec, shown.resize


def _from_scratch(wish: Wish, classes: int = 1000) -> ArchitectureSpec:
    return scaled(
        float(wish.phi or 0.0),
        base_resolution=BASE_RESOLUTION,
        resolution=wish.resolution,
        num_classes=classes,
    )


def _resolution(wish: Wish, store: WeightsStore) -> int | None:
    """Pixels that the network wished for sees; None for weights that are not known."""
    if wish.weights is None:
        return _from_scratch(wish).resolution
    own = (stored.resolution for stored in store.listing() if stored.id == wish.weights)
    return wish.resolution or next(own, None)


def _same_work(order: Order, wish: Wish, pixels: int | None) -> bool:
    """Whether a photo takes the same work in both: the network, its pixels, what is trained."""
    network = (wish.phi, wish.weights, pixels)
    return (order.phi, order.weights, order.spec.resolution) == network and all(
        getattr(order.recipe, field) == getattr(wish.recipe, field)
        for field in ("batch", "micro_batches", "frozen_stages", "policy", "first_resolution")
    )


def _require_acceptable(spec: ArchitectureSpec, recipe: Recipe, limits: RunLimits) -> None:
    """Raise DoesNotFit or InvalidInput for what the page does not train."""
    mult_adds, stages = summarize(spec).mult_adds, spec.stage_count + 2
    if mult_adds > limits.mult_adds:
        raise DoesNotFit(
            f"{spec.name} at {spec.resolution} pixels takes {mult_adds / 1e9:.1f} B "
            f"multiply-adds a photo, and {limits.mult_adds / 1e9:.1f} B are accepted here; choose "
            "a smaller φ or fewer pixels, or `effnet train` on the command line."
        )
    if recipe.frozen_stages > stages:
        raise InvalidInput(
            f"{spec.name} has {stages} stages; {recipe.frozen_stages} cannot be frozen."
        )


def _require_memory(spec: ArchitectureSpec, recipe: Recipe) -> None:
    """Raise DoesNotFit unless this machine has the memory that such a run usually takes."""
    device = resolve_device()
    needed, free = likely_bytes(spec, recipe, device), free_bytes(device)
    if needed > free:
        raise DoesNotFit(
            f"To train {spec.name} on {recipe.micro_batch} photos of {spec.resolution} pixels at "
            f"once takes about {readable_size(needed)} of memory, and {readable_size(free)} are "
            "free; choose a smaller φ or fewer pixels."
        )


def _require_disk(root: Path, photos: int, spec: ArchitectureSpec) -> None:
    """Raise WeightsError unless there is room for so many bytes and what training writes."""
    weights = summarize(spec).params * BYTES_A_PARAMETER  # a checkpoint being replaced by another
    needed, free = photos + 3 * weights, shutil.disk_usage(root).free
    if needed > free:
        raise WeightsError(
            f"This run would take about {readable_size(needed)} of the disk, and "
            f"{readable_size(free)} are free; remove runs that are no longer needed."
        )


def _require_a_batch(photos: int, recipe: Recipe) -> None:
    if photos - recipe.held_out < recipe.batch:
        raise InvalidInput(
            f"Only {photos:,} of the photos can be read, of which {recipe.held_out:,} are held "
            f"out: too few for one batch of {recipe.batch}. Add photos."
        )
