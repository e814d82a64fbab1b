"""The photos that maps are scored on: which are drawn, and what all maps of one have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from effnet_core.architecture import outputs
from effnet_core.attribution.boxes import Box, view_box
from effnet_core.attribution.pixels import baseline
from effnet_core.attribution.scores import Target
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.prediction import class_index
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput
from effnet_core.images import model_view, to_input
from effnet_core.network.build import torch_dtype

PASS = 64
"""Most pictures in one forward pass."""

Inputs = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A drawn photo: its place in the set, its pixels (3, H, W), its box in the model's view.

    `class_index` is the model's number for the photo's class, None where its own first is taken.
    """

    place: int
    pixels: Tensor
    box: Box
    class_index: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One photo and one class, ready for any map to be scored.

    `picture` and `blurred` are the network's input, normalised (3, H, W); `whole`, `at_blurred` and
    `at_grey` the class's probability on the picture, on the blurred one and on zeros.
    """

    predictor: Predictor
    place: int
    box: Box
    class_index: int
    picture: Inputs
    blurred: Inputs
    whole: float
    at_blurred: float
    at_grey: float

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the model's view."""
        height, width = self.picture.shape[1:]
        return height, width

    def confidence(self, pictures: Inputs) -> npt.NDArray[np.float64]:
        """The class's probability on each of `pictures` (N, 3, H, W)."""
        return probabilities(self.predictor, pictures)[:, self.class_index]


def draw(
    predictor: Predictor, photos: PhotoSet, *, count: int, seed: int, target: Target
) -> tuple[Sample, ...]:
    """`count` photos with a box in the model's view, all if there are fewer, in the set's order.

    With the target "label" only photos whose class the model has. Raises InvalidInput if none is
    left.
    """
    if photos.boxes is None:
        raise InvalidInput("These photos come without boxes, so no map can be scored on them.")
    labels = _class_numbers(predictor.classes, photos.classes)
    samples = []
    for place, (corners, label) in enumerate(
        zip(photos.boxes.tolist(), photos.labels.tolist(), strict=True)
    ):
        height, width = photos.images.shape[-2:]
        box = view_box(corners, (width, height), predictor.preprocessing)
        own = labels[label] if target == "label" else None
        if box is not None and (target == "predicted" or own is not None):
            pixels = photos.images[place]
            samples.append(Sample(place=place, pixels=pixels, box=box, class_index=own))
    if not samples:
        raise InvalidInput(
            "None of these photos has a known box in the model's view and a class that the model "
            "knows, so no map can be scored on them."
        )
    chosen = np.random.default_rng(seed).permutation(len(samples))[:count]
    return tuple(samples[index] for index in sorted(chosen.tolist()))


def prepare(predictor: Predictor, samples: Sequence[Sample]) -> tuple[Case, ...]:
    """The cases of a batch of photos, by one pass over their pictures and one over the blurred."""
    pictures = np.stack([_picture(predictor, sample.pixels) for sample in samples])
    blurred = baseline(torch.from_numpy(pictures), "blur", black=torch.empty(0)).numpy()
    whole, at_blurred = probabilities(predictor, pictures), probabilities(predictor, blurred)
    at_grey = probabilities(predictor, np.zeros_like(pictures[:1]))[0]
    cases = []
    for index, sample in enumerate(samples):
        own = sample.class_index
        if own is None:
            own = int(whole[index].argmax())
        cases.append(
            Case(
                predictor=predictor,
                place=sample.place,
                box=sample.box,
                class_index=own,
                picture=pictures[index],
                blurred=blurred[index],
                whole=float(whole[index, own]),
                at_blurred=float(at_blurred[index, own]),
                at_grey=float(at_grey[own]),
            )
        )
    return tuple(cases)


def as_inputs(predictor: Predictor, pictures: Inputs) -> Tensor:
    """Normalised pictures (N, 3, H, W) on the model's device, in its number format."""
    return torch.from_numpy(pictures).to(
        predictor.device,
        torch_dtype(predictor.dtype),
        memory_format=torch.channels_last,  # on CPUs nearly twice as fast
    )


def probabilities(predictor: Predictor, pictures: Inputs) -> npt.NDArray[np.float64]:
    """The model's probabilities (N, classes) of normalised pictures (N, 3, H, W), in float64."""
    answers = []
    with torch.inference_mode():
        for start in range(0, len(pictures), PASS):
            logits = predictor.model(as_inputs(predictor, pictures[start : start + PASS]))
            answers.append(logits.double().cpu())
    return outputs.probabilities(torch.cat(answers).numpy(), predictor.activation)


def _picture(predictor: Predictor, pixels: Tensor) -> Inputs:
    """The network's input of a stored photo (3, H, W)."""
    photo = Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())
    return to_input(model_view(photo, predictor.preprocessing), predictor.preprocessing)


def _class_numbers(own: tuple[str, ...], names: tuple[str, ...]) -> tuple[int | None, ...]:
    """The model's number for each class of the photos: the same place, or else by name."""
    if own == names:
        return tuple(range(len(names)))
    return tuple(class_index(own, name) for name in names)
