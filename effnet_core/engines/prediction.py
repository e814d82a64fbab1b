"""What a model says about a picture, and what several say together. No torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from effnet_core.architecture.outputs import Activation, in_words
from effnet_core.errors import InvalidInput


@dataclass(frozen=True)
class ClassProbability:
    """One class of a model: its index, its name and its probability in [0, 1]."""

    index: int
    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What one model says about one picture.

    `top` is sorted by falling probability. `milliseconds` is the time measured from the picture's
    bytes to the answer (decoding, preprocessing, forward pass; neither waiting nor loading the
    model). `pixels` are what the model saw, before normalising, read-only uint8 (crop, crop, 3),
    and `crop_box` their (left, top, right, bottom) in pixels of the upright original. `engine`
    names what computed the pass. `probabilities` is read-only float32 (classes,), in the order of
    `classes`, and `activation` says what made them of the logits; with `one_logit` the two rows are
    one logit's. `notes` are sentences on how the picture's file was read, as in `Decoded`.
    """

    weights: str
    top: tuple[ClassProbability, ...]
    milliseconds: float
    pixels: npt.NDArray[np.uint8] = field(repr=False, compare=False)
    crop_box: tuple[float, float, float, float]
    device: str
    dtype: str
    engine: str
    resolution: int
    classes: tuple[str, ...] = field(repr=False)
    probabilities: npt.NDArray[np.float32] = field(repr=False, compare=False)
    activation: Activation = "softmax"
    one_logit: bool = False
    notes: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """In a sentence what the probabilities mean; "" for softmax."""
        return in_words(self.activation, one_logit=self.one_logit)

    @property
    def view(self) -> Image.Image:
        """The crop × crop picture that the model saw."""
        return Image.fromarray(self.pixels)

    def of(self, class_index: int) -> ClassProbability:
        """The probability of any class; raises InvalidInput if the model has no such index."""
        if not 0 <= class_index < len(self.probabilities):
            raise InvalidInput(
                f"{self.weights} has classes 0 to {len(self.probabilities) - 1}; got {class_index}."
            )
        return ClassProbability(
            class_index, self.classes[class_index], float(self.probabilities[class_index])
        )

    def with_top(self, count: int) -> Prediction:
        """The same answer with its `count` most probable classes; raises InvalidInput below 1."""
        require_some(count)
        if count == len(self.top):
            return self
        return replace(self, top=most_probable(self.probabilities, self.classes, count))


@dataclass(frozen=True)
class SameAnswer:
    """The models (by weights id, in the order asked) whose most probable class is `label`."""

    label: str
    weights: tuple[str, ...]


def same_answers(predictions: Iterable[Prediction]) -> tuple[SameAnswer, ...]:
    """Models grouped by their most probable class, the largest group first; one if all agree.

    Models with the same classes are compared by index (ImageNet has two classes called "crane"),
    others by the class's name, because they may number the same classes differently; case and
    outer blanks do not count. Groups of equal size keep the order of the predictions.
    """
    predictions = tuple(predictions)
    same_classes = len({prediction.classes for prediction in predictions}) == 1
    groups: dict[int | str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        first = prediction.top[0]
        groups[first.index if same_classes else _comparable(first.label)].append(prediction)
    return tuple(
        SameAnswer(group[0].top[0].label, tuple(member.weights for member in group))
        for group in sorted(groups.values(), key=len, reverse=True)
    )


def dissenters(predictions: Iterable[Prediction]) -> tuple[str, ...]:
    """The models (by weights id) that do not say what most of them say; () if all say the same.

    Where several classes are said equally often by the most, nobody speaks for most: all of them.
    """
    groups = same_answers(predictions)
    if len(groups) > 1 and len(groups[0].weights) > len(groups[1].weights):
        groups = groups[1:]
    elif len(groups) == 1:
        groups = ()
    return tuple(weights for group in groups for weights in group.weights)


def class_index(classes: tuple[str, ...], label: str) -> int | None:
    """The first index of the class called `label` (case and outer blanks do not count), or None.

    Between models with the same classes use the index itself: two classes may share a name.
    """
    wanted = _comparable(label)
    return next((i for i, name in enumerate(classes) if _comparable(name) == wanted), None)


def require_some(count: int) -> None:
    """Raise InvalidInput unless at least one class is asked for."""
    if count < 1:
        raise InvalidInput(f"At least one class must be asked for; got {count}.")


def most_probable(
    probabilities: npt.NDArray[np.float32], classes: tuple[str, ...], count: int
) -> tuple[ClassProbability, ...]:
    """The `count` most probable classes; of equal ones the first comes first."""
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple(ClassProbability(int(i), classes[i], float(probabilities[i])) for i in order)


def _comparable(label: str) -> str:
    return label.strip().casefold()
