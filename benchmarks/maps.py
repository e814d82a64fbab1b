"""Grad-CAM on B0 beside captum, torch-cam and pytorch-grad-cam, each as its documentation uses it.

The peers explain torchvision's network as it is loaded, ours the same weights; all on one input at
224 × 224 and for one class. What is timed starts with the input and ends with the map. Maps are
compared before they are timed: captum's as it is, torch-cam's after its own max(·, 0) and scaling
to [0, 1], pytorch-grad-cam's after these, enlarging to the input's size, and scaling again.
"""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
from torch import Tensor, nn

from benchmarks.peers import Answer, Array, peer, same
from benchmarks.protocol import Call, Plan
from benchmarks.rows import Peer, Row, compare
from benchmarks.subjects import Subject
from effnet_core.attribution import attribute, grad_cam_classes

CLASS = 281
PLAN = Plan(rounds=12, seconds=0.15)
INNER_TARGETS = {3: 1 / 1.1, 4: 1 / 1.2, 5: 1 / 1.5, 6: 1 / 1.5, 7: 1 / 1.5}
TOLERANCE = 1e-4  # of the largest value, over two networks in float32


def rows() -> tuple[Row, ...]:
    """The last map, all classes' last maps, and maps at inner stages."""
    subject = Subject("b0")
    found = [*_last_map(subject), *_all_classes(subject)]
    for stage, target in INNER_TARGETS.items():
        found += _inner_map(subject, stage, target)
    return tuple(found)


def _last_map(subject: Subject) -> tuple[Row, ...]:
    x = subject.inputs()
    ours = partial(_map, subject, x, subject.predictor.spec.stage_count + 1)
    expected = ours()
    return compare(
        "Grad-CAM, B0, last feature map",
        ours,
        [
            peer("captum", partial(_captum, subject, x, 8, expected), 1 / 3),
            peer("torch-cam", partial(_torch_cam, subject, x, expected), 1 / 3),
            peer("pytorch-grad-cam", partial(_pytorch_grad_cam, subject, x, expected), 1 / 10),
        ],
        PLAN,
    )


def _all_classes(subject: Subject) -> tuple[Row, ...]:
    """Ours in place of a peer: one pass that gives no map."""
    x, predictor = subject.inputs(), subject.predictor

    def ours() -> object:
        return grad_cam_classes(predictor, x, range(1000))

    one_pass = Peer(name="one pass, no map", call=partial(predictor.forward, x), target=2.0)
    return compare("Grad-CAM, B0, last map of all 1,000 classes", ours, [one_pass], PLAN)


def _inner_map(subject: Subject, stage: int, target: float) -> tuple[Row, ...]:
    x = subject.inputs()
    ours = partial(_map, subject, x, stage)
    captum = peer("captum", partial(_captum, subject, x, stage, ours()), target)
    return compare(f"Grad-CAM, B0, stage {stage}", ours, [captum], PLAN)


def _map(subject: Subject, x: Tensor, stage: int) -> Array:
    return attribute(subject.predictor, x, class_index=CLASS, stage=stage).raw


def _network(subject: Subject) -> nn.Module:
    """Torchvision's network as it is loaded: its parameters may be trained."""
    return copy.deepcopy(subject.theirs).requires_grad_(True)


def _captum(subject: Subject, x: Tensor, stage: int, expected: Array) -> Answer:
    from captum.attr import LayerGradCam

    model = _network(subject)
    method = LayerGradCam(model, model.get_submodule(f"features.{stage}"))

    def run() -> Array:
        found: Array = method.attribute(x, target=CLASS).detach().numpy()[0, 0]
        return found

    return same(run, expected, TOLERANCE)


def _torch_cam(subject: Subject, x: Tensor, expected: Array) -> Answer:
    from torchcam.methods import GradCAM

    model = _network(subject)
    method = GradCAM(model, "features.8", input_shape=tuple(x.shape[1:]))

    def run() -> Array:
        found: Array = method(CLASS, model(x))[0].numpy()[0]
        return found

    return same(run, _scaled(expected), TOLERANCE)


def _pytorch_grad_cam(subject: Subject, x: Tensor, expected: Array) -> Call:
    import cv2
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model = _network(subject)
    method = GradCAM(model, [model.get_submodule("features.8")])
    targets = [ClassifierOutputTarget(CLASS)]

    def run() -> Array:
        found: Array = method(x, targets)[0]
        return found

    enlarged = cv2.resize(_scaled(expected), tuple(x.shape[:1:-1]))
    return same(run, _scaled(np.asarray(enlarged, dtype=np.float32)), 1e-3)


def _scaled(raw: Array) -> Array:
    """max(·, 0), then the smallest value at 0 and the largest at 1."""
    positive = np.maximum(raw, 0)
    positive = positive - positive.min()
    return np.asarray(positive / positive.max(), dtype=np.float32)
