"""How right a network is on labelled photos: top-1, top-5 and what stands behind them.

Every photo is shown to a network as torchvision does it: the original picture, by the preprocessing
that belongs to the weights. Only so many photos are in memory as are under way.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effnet_core.architecture.outputs import Activation, probabilities
from effnet_core.cost.memory import required_bytes
from effnet_core.datasets.photo_files import LabelledPhotos, picture
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import DataError, DoesNotFit, EffnetError, InvalidInput
from effnet_core.evaluation.matching import for_classes
from effnet_core.evaluation.result import Evaluation, PhotoAnswers
from effnet_core.images import Decoded, Preprocessing, channel_planes
from effnet_core.images.resizing import resized_view
from effnet_core.network.build import free_bytes, is_out_of_memory

BATCH = 250
MOST_AT_ONCE = 64
"""Photos that go through a network together where no batch is asked for and memory allows it."""

_BATCHES_AHEAD = 2  # decoded while the network is busy


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Shares of `photos` whose class is the first, or among the first five; the mean loss.

    `class_mean` is the mean of top-1 over the classes that have photos, which counts a rare class
    as much as a frequent one; None in what was kept before there was one.
    """

    photos: int
    top1: float
    top5: float
    loss: float
    class_mean: float | None = None


def evaluate(
    predictor: Predictor,
    photos: LabelledPhotos,
    *,
    batch: int | None = None,
    max_photos: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Judge a network's answers to `photos`, matched to its classes as in `for_classes`.

    `batch` photos go through it together, by default as many of 64 as fit well into what memory is
    free. With `max_photos` so many are drawn with `seed`, all if there are fewer.
    `progress(done, total)` counts photos; what it raises ends the evaluation. Raises DataError (no
    photo of a class of the model, or none that can be read), DoesNotFit, InvalidInput, and
    EffnetError where the answers are not finite.
    """
    if (batch is not None and batch < 1) or (max_photos is not None and max_photos < 1):
        raise InvalidInput(
            f"At least one photo must be evaluated, at least one at a time; got {max_photos} and "
            f"{batch}."
        )
    known, left_out = for_classes(photos, predictor.classes)
    if max_photos is not None:
        known = known.subset(drawn(len(known), max_photos, seed))
    batch = batch or fitting_batch(predictor)
    start = time.perf_counter()
    answers, unreadable = _answers(predictor, known, batch, progress)
    seconds = time.perf_counter() - start
    return Evaluation.of(
        answers,
        predictor,
        batch=batch,
        left_out=left_out,
        unreadable=unreadable,
        seconds=seconds,
    )


def drawn(photos: int, count: int, seed: int) -> Tensor:
    """`count` different places (int64) among `photos`, all if there are fewer, in rising order."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(photos, generator=generator)[:count].sort().values


def fitting_batch(predictor: Predictor) -> int:
    """The largest of 64, 32 … 1 whose predicted memory is at most half of what is free."""
    spec = replace(predictor.spec, resolution=predictor.preprocessing.crop)
    free = free_bytes(torch.device(predictor.device))
    batch = MOST_AT_ONCE
    while batch > 1 and 2 * required_bytes(spec, batch=batch, dtype=predictor.dtype) > free:
        batch //= 2
    return batch


def views(photos: PhotoSet, preprocessing: Preprocessing) -> Tensor:
    """What the network sees of each photo, uint8 (N, C, crop, crop), to the digit torchvision's."""
    side = preprocessing.crop
    seen = torch.empty((len(photos), preprocessing.channels, side, side), dtype=torch.uint8)
    for index in range(len(photos)):
        seen[index] = view(picture(photos, index), preprocessing)
    return seen


def view(image: Decoded, preprocessing: Preprocessing) -> Tensor:
    """What the network sees of a picture, uint8 (3, crop, crop), or (1, …) where fed grey."""
    seen = channel_planes(resized_view(image, preprocessing), preprocessing)
    return torch.from_numpy(seen.copy())


def logits(
    model: nn.Module,
    seen: Tensor,
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """The network's answers (N, classes), float32 on the CPU, to `views`; `model` is in eval."""
    mean, std = (
        torch.tensor(three, device=device).view(1, -1, 1, 1)
        for three in (preprocessing.mean, preprocessing.std)
    )
    dtype = next(model.parameters()).dtype
    answers = []
    with torch.inference_mode():
        for first in range(0, len(seen), batch):
            images = seen[first : first + batch].to(device).float().div_(255)
            images = (images - mean) / std
            images = images.to(dtype).contiguous(memory_format=torch.channels_last)
            answers.append(model(images).float().cpu())
            progress(min(first + batch, len(seen)))
    return torch.cat(answers)


def right(answers: Tensor, labels: Tensor) -> Tensor:
    """Sums over the photos: (count, first right, among five, loss), float64 (4,)."""
    before = places(answers, labels)
    loss = F.cross_entropy(answers.double(), labels, reduction="sum")
    found: list[int | Tensor] = [len(labels), (before < 1).sum(), (before < 5).sum(), loss]
    return torch.tensor([float(value) for value in found], dtype=torch.float64)


def right_by_class(answers: Tensor, labels: Tensor) -> Tensor:
    """Photos of each class, then how many of them are right; float64 (2 · classes,)."""
    classes = answers.shape[1]
    first = places(answers, labels) < 1
    sums = [part.bincount(minlength=classes) for part in (labels, labels[first])]
    return torch.cat(sums).double()


def mean_of_classes(photos: Tensor, first: Tensor) -> float:
    """The mean of top-1 over the classes that have photos, of both counts by class (classes,)."""
    return float((first / photos)[photos > 0].mean())


def places(answers: Tensor, labels: Tensor) -> Tensor:
    """How many classes stand before the true one, int64 (N,), in answers (N, classes).

    Of equal answers the lower class stands first, so that a network which gives all classes the
    same is right by chance only; an answer that is no number stands before all others.
    """
    own = answers.gather(1, labels[:, None])
    later = torch.arange(answers.shape[1], device=answers.device) >= labels[:, None]
    return (~((answers < own) | ((answers == own) & later))).sum(1)


def _answers(
    predictor: Predictor,
    photos: LabelledPhotos,
    batch: int,
    progress: Callable[[int, int], None],
) -> tuple[PhotoAnswers, tuple[tuple[str, str], ...]]:
    """The answers to all photos that can be read, and (name, reason) of the others."""
    kept: list[int] = []
    unreadable: list[tuple[str, str]] = []
    columns: list[dict[str, Tensor]] = []  # of each batch
    done = 0
    with closing(_view_batches(photos, predictor.preprocessing, batch)) as batches:
        for seen in batches:
            found = {place: one for place, one in seen if isinstance(one, Tensor)}
            if found:
                answers = _judged(predictor, torch.stack(list(found.values())))
                labels = photos.labels[list(found)]
                columns.append(_columns(answers, labels, predictor.activation))
            kept += found
            failed = {place: one for place, one in seen if isinstance(one, str)}
            unreadable += [(photos.names[place], reason) for place, reason in failed.items()]
            done += len(seen)
            progress(done, len(photos))
    if not kept:
        raise DataError(f"Not one of the photos can be read ({unreadable[0][1]})")
    arrays = {name: torch.cat([one[name] for one in columns]).numpy() for name in columns[0]}
    for array in arrays.values():
        array.flags.writeable = False
    names = tuple(photos.names[place] for place in kept)
    return PhotoAnswers(names=names, **arrays), tuple(unreadable)


def _columns(answers: Tensor, labels: Tensor, activation: Activation) -> dict[str, Tensor]:
    """The arrays of `PhotoAnswers`, of answers (B, classes) to photos of these classes."""
    exact = answers.double()
    if activation == "softmax":
        losses = F.cross_entropy(exact, labels, reduction="none")
    else:
        wanted = F.one_hot(labels, exact.shape[1]).double()
        losses = F.binary_cross_entropy_with_logits(exact, wanted, reduction="none").mean(1)
    return {
        "labels": labels,
        "predicted": answers.argmax(1),
        "places": places(answers, labels),
        "confidences": torch.from_numpy(probabilities(exact.numpy(), activation).max(1)),
        "losses": losses,
    }


def _judged(predictor: Predictor, seen: Tensor) -> Tensor:
    """The network's answers (B, classes) to views (B, 3, crop, crop); raises an EffnetError."""
    shown, device = predictor.preprocessing, torch.device(predictor.device)
    try:
        answers = logits(predictor.model, seen, shown, device=device, batch=len(seen))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise DoesNotFit(
            f"Memory ran out with {len(seen)} photos at once; choose a smaller batch."
        ) from error
    if not answers.isfinite().all():
        raise EffnetError(
            f"{predictor.weights_id} gives answers that are no finite numbers in "
            f"{predictor.dtype}; try another number format, or other weights."
        )
    return answers


def _view_batches(
    photos: LabelledPhotos, preprocessing: Preprocessing, batch: int
) -> Generator[list[tuple[int, Tensor | str]], None, None]:
    """(place, view or why there is none) of all photos in order, some batches decoded ahead."""

    def seen(place: int) -> Tensor | str:
        try:
            return view(picture(photos, place), preprocessing)
        except EffnetError as error:
            return str(error)

    ahead: deque[list[tuple[int, Future[Tensor | str]]]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for start in range(0, len(photos), batch):
                part = range(start, min(start + batch, len(photos)))
                ahead.append([(place, pool.submit(seen, place)) for place in part])
                if len(ahead) > _BATCHES_AHEAD:
                    yield [(place, future.result()) for place, future in ahead.popleft()]
            for futures in ahead:
                yield [(place, future.result()) for place, future in futures]
        except BaseException:  # Ctrl-C too: leaving the block would wait for all that is queued
            pool.shutdown(wait=False, cancel_futures=True)
            raise
