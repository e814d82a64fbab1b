"""What a network's answers to labelled photos come to: accuracy, confidence, confusion."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.outputs import Activation
from effnet_core.engines.predictor import Predictor
from effnet_core.evaluation.matching import LeftOut

BINS = 15
"""Bins of the expected calibration error, as in the paper."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoAnswers:
    """A network's answer to each photo; all arrays are (photos,).

    `labels` and `predicted` are numbers of classes. `places` count the classes that stand before
    the true one: 0 is right, below 5 is among the first five. Of equal answers the class of the
    lower number stands first, as in a `Prediction`. `confidences` are the probabilities of
    `predicted`, `losses` the cross-entropies in nats; of a sigmoid's classes the mean of each one's
    binary cross-entropy, with the photo's class as the only right one.
    """

    names: tuple[str, ...]
    labels: Ints
    predicted: Ints
    places: Ints
    confidences: Floats
    losses: Floats


@dataclass(frozen=True, kw_only=True)
class ClassAccuracy:
    """How right a network is on the photos of one class; shares of `photos`, which is above 0."""

    number: int
    name: str
    photos: int
    top1: float
    top5: float


@dataclass(frozen=True, kw_only=True)
class ConfidenceBin:
    """Photos whose confidence is above `low` and at most `high`; means are None without any.

    `confidence` is their mean, `accuracy` the share of them that is right.
    """

    low: float
    high: float
    photos: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How many photos of the class `true` were taken for `predicted`."""

    true: str
    predicted: str
    photos: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """How right a network is on labelled photos, choosing among all of its classes.

    `top1`, `top5` (1 for a network of five classes or fewer) and `confidence_error` are fractions,
    `loss` the mean cross-entropy in nats. `classes` are the network's; `per_class` has those with
    photos, in their order. `left_out` are classes of the photos that the network lacks, and
    `unreadable` (name, reason in a sentence) photos that were no pictures. `seconds` go from the
    first photo's bytes to the last answer: decoding, preprocessing and network, overlapping.
    """

    weights: str
    device: str
    dtype: str
    batch: int
    photos: int
    top1: float
    top5: float
    loss: float
    confidence_error: float
    confidence_bins: tuple[ConfidenceBin, ...]
    per_class: tuple[ClassAccuracy, ...]
    classes: tuple[str, ...]
    answers: PhotoAnswers
    left_out: tuple[LeftOut, ...]
    unreadable: tuple[tuple[str, str], ...]
    seconds: float
    activation: Activation = "softmax"
    one_logit: bool = False

    @classmethod
    def of(
        cls,
        answers: PhotoAnswers,
        predictor: Predictor,
        *,
        batch: int,
        left_out: tuple[LeftOut, ...],
        unreadable: tuple[tuple[str, str], ...],
        seconds: float,
    ) -> Evaluation:
        """What the answers of `predictor` come to."""
        bins = confidence_bins(answers)
        return cls(
            weights=predictor.weights_id,
            device=predictor.device,
            dtype=predictor.dtype,
            batch=batch,
            photos=len(answers.names),
            top1=exact_mean(answers.places < 1),
            top5=exact_mean(answers.places < 5),
            loss=exact_mean(answers.losses),
            confidence_error=confidence_error(bins),
            confidence_bins=bins,
            per_class=by_class(answers, predictor.classes),
            classes=predictor.classes,
            answers=answers,
            left_out=left_out,
            unreadable=unreadable,
            seconds=seconds,
            activation=predictor.activation,
            one_logit=predictor.one_logit,
        )

    @property
    def assumed(self) -> str:
        """In a sentence what was assumed of a sigmoid's classes, "" where nothing was."""
        if self.activation == "softmax" or self.one_logit:
            return ""
        return (
            "These classes do not exclude one another, and a photo here has one: the class of the "
            "highest logit counts as the answer, and the loss takes all other classes for wrong."
        )

    @property
    def images_per_second(self) -> float:
        """Photos over `seconds`."""
        return self.photos / self.seconds

    @property
    def top1_standard_error(self) -> float:
        """√(p(1 − p)/n): how far `top1` would scatter over other photos, drawn likewise."""
        return math.sqrt(self.top1 * (1 - self.top1) / self.photos)

    @property
    def class_mean(self) -> float:
        """The mean of `top1` over the classes that have photos: a rare one counts as much."""
        return math.fsum(entry.top1 for entry in self.per_class) / len(self.per_class)

    @property
    def confusion(self) -> Ints:
        """(classes, classes): photos by true class (row) and predicted class (column)."""
        side = len(self.classes)
        pairs = self.answers.labels * side + self.answers.predicted
        return np.bincount(pairs, minlength=side * side).reshape(side, side).astype(np.int64)

    def most_confused(self, count: int) -> tuple[Confusion, ...]:
        """The most frequent mistakes, equal ones in the order of the classes."""
        answers = self.answers
        wrong = answers.labels != answers.predicted
        pairs, photos = np.unique(
            np.stack([answers.labels[wrong], answers.predicted[wrong]]), axis=1, return_counts=True
        )
        most = np.argsort(-photos, kind="stable")[:count]
        return tuple(
            Confusion(
                true=self.classes[pairs[0, place]],
                predicted=self.classes[pairs[1, place]],
                photos=int(photos[place]),
            )
            for place in most
        )

    def measured(self) -> dict[str, Any]:
        """What a run's record keeps of it, as plain values for JSON."""
        return {
            **{name: getattr(self, name) for name in ("photos", "top1", "top5", "loss")},
            "calibration_error": self.confidence_error,
            "images_per_second": self.images_per_second,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the single answers and the confusion matrix."""
        return {
            **{name: getattr(self, name) for name in ("weights", "device", "dtype", "batch")},
            **self.measured(),
            "seconds": self.seconds,
            "top1_standard_error": self.top1_standard_error,
            "class_mean": self.class_mean,
            "model_classes": len(self.classes),
            "activation": self.activation,
            "assumed": self.assumed,
            "per_class": [dataclasses.asdict(entry) for entry in self.per_class],
            "calibration": [dataclasses.asdict(entry) for entry in self.confidence_bins],
            "most_confused": [dataclasses.asdict(entry) for entry in self.most_confused(10)],
            "left_out": [dataclasses.asdict(entry) for entry in self.left_out],
            "unreadable": [{"photo": name, "reason": reason} for name, reason in self.unreadable],
        }


def exact_mean(values: npt.NDArray[Any]) -> float:
    """The mean of values (n,), the same in whatever order they come."""
    return math.fsum(values.tolist()) / len(values)


def by_class(answers: PhotoAnswers, classes: tuple[str, ...]) -> tuple[ClassAccuracy, ...]:
    """The accuracy on each class that has photos, in the order of `classes`."""
    counts, first, five = (
        np.bincount(answers.labels[chosen], minlength=len(classes))
        for chosen in (slice(None), answers.places < 1, answers.places < 5)
    )
    return tuple(
        ClassAccuracy(
            number=int(number),
            name=classes[number],
            photos=int(counts[number]),
            top1=float(first[number] / counts[number]),
            top5=float(five[number] / counts[number]),
        )
        for number in counts.nonzero()[0]
    )


def confidence_bins(answers: PhotoAnswers, bins: int = BINS) -> tuple[ConfidenceBin, ...]:
    """The photos in bins of equal width by confidence.

    Guo et al., "On Calibration of Modern Neural Networks", 2017 (https://arxiv.org/abs/1706.04599):
    bin m of M holds confidences in ((m − 1)/M, m/M].
    """
    right = (answers.places < 1).astype(np.float64)
    edges = np.arange(bins + 1) / bins
    places = (np.searchsorted(edges, answers.confidences) - 1).clip(0, bins - 1)
    found = []
    for number in range(bins):
        inside = places == number
        some = bool(inside.any())
        found.append(
            ConfidenceBin(
                low=float(edges[number]),
                high=float(edges[number + 1]),
                photos=int(inside.sum()),
                confidence=exact_mean(answers.confidences[inside]) if some else None,
                accuracy=exact_mean(right[inside]) if some else None,
            )
        )
    return tuple(found)


def confidence_error(bins: tuple[ConfidenceBin, ...]) -> float:
    """Expected calibration error: Σ |bin| / n · |accuracy − confidence| over the bins."""
    gaps = [
        part.photos * abs(part.accuracy - part.confidence)
        for part in bins
        if part.accuracy is not None and part.confidence is not None
    ]
    return math.fsum(gaps) / sum(part.photos for part in bins)
