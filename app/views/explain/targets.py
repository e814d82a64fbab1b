"""What is explained: every model with every class chosen, or all with one and the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import widgets
from app.state import Several
from effnet_core.limits import MAX_CLASSES_AT_ONCE

if TYPE_CHECKING:
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import ModelCard

CLASSES = "class"
"""The key (also in the URL) of the classes chosen."""


@dataclass(frozen=True)
class Target:
    """One model and one class to be explained; `class_index` None where the model lacks it."""

    card: ModelCard
    class_name: str
    class_index: int | None


def choose(predictions: tuple[tuple[ModelCard, Prediction], ...]) -> tuple[Target, ...]:
    """Every model with every class chosen, or with the one that the first finds most probable.

    A model that has no such class is then explained for its own most probable one.
    """
    if not predictions:
        return ()
    first = predictions[0][1]
    names = _choose_names(first)
    targets = []
    for card, prediction in predictions:
        for name in names:
            targets.append(Target(card, name, _index(name, first.classes, prediction.classes)))
        if not names:
            name = class_name(first, first.top[0].index)
            index = _index(name, first.classes, prediction.classes)
            index = prediction.top[0].index if index is None else index
            targets.append(Target(card, class_name(prediction, index), index))
    return tuple(targets)


def _index(name: str, offered: tuple[str, ...], classes: tuple[str, ...]) -> int | None:
    """Which of a model's `classes` is meant by a name made from those `offered`."""
    label, _, rest = name.rpartition(" (")
    if classes == offered:
        return int(rest.rstrip(")"))
    return classes.index(label) if label in classes else None


def _choose_names(prediction: Prediction) -> tuple[str, ...]:
    """Draw the choice of classes, the most probable first; empty means the first model's first."""
    order = (-prediction.probabilities).argsort(kind="stable")
    offered = tuple(class_name(prediction, int(index)) for index in order)
    classes = Several(
        key=CLASSES,
        label="Classes",
        options=offered,
        placeholder="The most probable class",
        help="Sorted by probability; type to find any by name. Several are drawn side by side.",
    )
    widgets.show_refusals([classes])
    most = MAX_CLASSES_AT_ONCE
    chosen = widgets.several(classes, max_selections=most, select_all=False, wrap=True)
    return tuple(name for name in chosen if name in offered)


def class_name(prediction: Prediction, index: int) -> str:
    """A class's name with its index, since ImageNet has two classes called "crane"."""
    return f"{prediction.classes[index]} ({index})"
