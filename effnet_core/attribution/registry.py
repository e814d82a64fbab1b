"""The attribution methods on offer, as data. No torch here: a page can draw its form first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from effnet_core.attribution.parameters import Parameter, Value
from effnet_core.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Method:
    """One attribution method: what it shows, where it comes from and what can be chosen.

    With `supports_stages` the map is made at a stage's feature map; otherwise at the input, pixel
    by pixel, and no stage can be asked for. `note` says how it parts from its paper or from other
    programs, "" where it does not. One that takes tens of passes or more says in `sooner` what
    makes it take fewer, others nothing.
    """

    id: str
    title: str
    summary: str
    paper: str
    parameters: tuple[Parameter, ...] = ()
    supports_stages: bool = True
    note: str = ""
    sooner: str = ""

    def values(self, given: Iterable[tuple[str, Value]] = ()) -> tuple[tuple[str, Value], ...]:
        """Every parameter with its value, in the order declared; what is not given is the default.

        Raises InvalidInput for an unknown or repeated name, or a value outside its range.
        """
        pairs = tuple(given)
        chosen = dict(pairs)
        names = tuple(parameter.name for parameter in self.parameters)
        unknown = next((name for name in chosen if name not in names), None)
        if unknown is not None:
            offered = ", ".join(names) or "none"
            raise InvalidInput(f"{self.title} has no parameter {unknown!r:.40}; it has: {offered}.")
        if len(chosen) < len(pairs):
            raise InvalidInput(f"A parameter of {self.title} was given twice.")
        return tuple(
            (parameter.name, parameter.check(chosen.get(parameter.name, parameter.default)))
            for parameter in self.parameters
        )


def _baseline(default: str, role: str) -> Parameter:
    return Parameter(
        name="baseline",
        title="Baseline",
        kind="choice",
        default=default,
        choices=("black", "mean", "blur"),
        help=f"{role}: black, the training set's mean colour, or the picture itself, blurred.",
    )


def _images_at_once(default: int) -> Parameter:
    return Parameter(
        name="batch_size",
        title="Images at once",
        kind="int",
        default=default,
        minimum=1,
        maximum=64,
        step=1,
        help="How many altered copies go through the network together: memory against speed.",
    )


METHODS: tuple[Method, ...] = (
    Method(
        id="grad-cam",
        title="Grad-CAM",
        summary="Feature maps summed with each channel's mean gradient as its weight.",
        paper="https://arxiv.org/abs/1610.02391",
    ),
    Method(
        id="grad-cam-plus-plus",
        title="Grad-CAM++",
        summary="Like Grad-CAM, with weights that let several instances of a class count alike.",
        paper="https://arxiv.org/abs/1710.11063",
        note="The paper's weights divide by sums of feature maps that are never negative. Those of "
        "inner stages are, so only their positive values are summed here: at inner stages the map "
        "can be wholly another one than the formula as published gives, or torchcam, or "
        "pytorch-grad-cam.",
    ),
    Method(
        id="grad-cam-plus-plus-published",
        title="Grad-CAM++ as published",
        summary="Grad-CAM++ with the paper's formula to the letter.",
        paper="https://arxiv.org/abs/1710.11063",
        note="Where a feature map's sum is negative, a divisor can come near 0 or below it, and a "
        "few places then decide the whole map. pytorch-grad-cam has this formula with 1e-6 added "
        "to the divisor, torchcam 0.5.0 no divisor: at inner stages all three differ.",
    ),
    Method(
        id="layer-cam",
        title="Layer-CAM",
        summary="Each position weighted by its own positive gradient: sharper at early stages.",
        paper="https://arxiv.org/abs/2106.14279",
    ),
    Method(
        id="integrated-gradients",
        title="Integrated gradients",
        summary="Gradients gathered from a baseline to the picture; they add up to the change of "
        "the logit.",
        paper="https://arxiv.org/abs/1703.01365",
        parameters=(
            Parameter(
                name="steps",
                title="Steps",
                kind="int",
                default=32,
                minimum=4,
                maximum=256,
                step=4,
                help="Points between baseline and picture; more make the sum more exact.",
            ),
            _baseline("black", "Where the path begins"),
            _images_at_once(8),
        ),
        supports_stages=False,
        sooner="fewer steps",
    ),
    Method(
        id="occlusion",
        title="Occlusion",
        summary="How far the logit falls when a window of the picture is covered.",
        paper="https://arxiv.org/abs/1311.2901",
        parameters=(
            Parameter(
                name="window",
                title="Window",
                kind="int",
                default=48,
                minimum=4,
                maximum=512,
                step=4,
                help="Side of the covered square in input pixels.",
            ),
            Parameter(
                name="stride",
                title="Stride",
                kind="int",
                default=24,
                minimum=2,
                maximum=512,
                step=2,
                help="Pixels from one window to the next, at most the window; half of it is usual.",
            ),
            _baseline("mean", "What covers the window"),
            _images_at_once(16),
        ),
        supports_stages=False,
        sooner="a larger stride and window",
    ),
    Method(
        id="saliency",
        title="Saliency (SmoothGrad)",
        summary="Gradient of the logit by pixel, averaged over noisy copies of the picture.",
        paper="https://arxiv.org/abs/1706.03825",
        parameters=(
            Parameter(
                name="samples",
                title="Noisy copies",
                kind="int",
                default=16,
                minimum=1,
                maximum=256,
                step=1,
                help="Copies to average over; more make a smoother map.",
            ),
            Parameter(
                name="sigma",
                title="Noise",
                kind="float",
                default=0.15,
                minimum=0.0,
                maximum=0.5,
                step=0.01,
                help="Standard deviation of the noise as a part of the picture's value range; "
                "0 is the plain gradient.",
            ),
            Parameter(
                name="absolute",
                title="Absolute values",
                kind="bool",
                default=True,
                help="Sizes of the gradient whatever its direction; off keeps the sign.",
            ),
            _images_at_once(8),
        ),
        supports_stages=False,
        sooner="fewer noisy copies",
    ),
)


def find_method(method_id: str) -> Method:
    """The method with this id; raises InvalidInput with the ids on offer."""
    for method in METHODS:
        if method.id == method_id:
            return method
    offered = ", ".join(method.id for method in METHODS)
    raise InvalidInput(f"Unknown attribution method {method_id!r:.40}; choose one of: {offered}.")
