"""The cost model against itself, against the model's tensors and against a liveness trace."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from effnet_core.architecture.names import VARIANTS, architecture, scaled, variant
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze, summarize
from effnet_core.errors import InvalidInput
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet


class Liveness(TorchDispatchMode):
    """Sums the bytes of all storages that are alive after each operation; keeps the largest."""

    def __init__(self, *already: torch.Tensor) -> None:
        super().__init__()
        self.live: dict[int, int] = {}
        self.peak = 0
        for tensor in already:
            self._track(tensor)

    def _track(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.live:
            self.live[key] = storage.nbytes()
            weakref.finalize(storage, self.live.pop, key, None)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._track(leaf)
        self.peak = max(self.peak, sum(self.live.values()))
        return result


def traced_peak(spec: ArchitectureSpec, batch: int) -> int:
    model = build(spec, seed=0)
    images = torch.zeros(batch, 3, spec.resolution, spec.resolution)
    with torch.no_grad(), Liveness(images) as trace:
        model(images)
    return trace.peak


@pytest.mark.parametrize("name", ["b0", "lite0", "v2-b0", "v2-s", "tf_efficientnet_b0"])
@pytest.mark.parametrize("resolution", [64, 97])
def test_peak_equals_the_liveness_trace(name: str, resolution: int) -> None:
    spec = architecture(name, resolution=resolution, num_classes=10)
    assert summarize(spec, batch=2).peak_activation_bytes == traced_peak(spec, 2)


@settings(max_examples=8)
@given(st.floats(-6, 0.5), st.integers(32, 90), st.integers(1, 3))
def test_peak_of_drawn_networks(phi: float, resolution: int, batch: int) -> None:
    spec = scaled(phi, resolution=resolution, num_classes=10)
    assert summarize(spec, batch=batch).peak_activation_bytes == traced_peak(spec, batch)


def test_the_trace_sees_what_a_shortcut_keeps() -> None:
    """A network that keeps every block's input alive must exceed the prediction."""
    spec = variant("b0", resolution=128)
    model = build(spec, seed=0)
    images = torch.zeros(1, 3, 128, 128)
    with torch.no_grad(), Liveness(images) as trace:
        kept = [images]
        for stage in range(model.last_stage + 1):
            kept.append(model._run(kept[-1], stage, stage))
    assert trace.peak > summarize(spec).peak_activation_bytes


@pytest.mark.parametrize("name", VARIANTS)
def test_names_parameters_and_bytes_are_the_models(name: str) -> None:
    spec = variant(name)
    report = analyze(spec)
    with torch.device("meta"):
        model = EfficientNet(spec)
    modules = dict(model.named_modules())
    for layer in report.layers:
        if layer.kind == "adaptive_avg_pool2d":
            continue
        own = sum(p.numel() for p in modules[layer.name].parameters())
        assert own == layer.params, layer.name
    tensors = [*model.parameters(), *model.buffers()]
    assert report.totals.params == sum(p.numel() for p in model.parameters())
    assert report.totals.weight_bytes == sum(t.numel() * t.element_size() for t in tensors)
    half = summarize(spec, dtype="float16").weight_bytes
    counters = 8 * sum(layer.kind == "batch_norm" for layer in report.layers)
    assert half - counters == (report.totals.weight_bytes - counters) // 2


@given(
    st.floats(-6, 6),
    st.floats(1.0, 1.6),
    st.floats(1.0, 1.4),
    st.floats(1.0, 1.4),
    st.integers(32, 700),
    st.sampled_from(["ceil", "nearest"]),
)
def test_totals_are_the_sums_of_layers(
    phi: float, alpha: float, beta: float, gamma: float, resolution: int, rounding: str
) -> None:
    try:
        spec = scaled(
            phi,
            rule=ScalingRule(alpha, beta, gamma),
            resolution=resolution,
            repeats=rounding,  # type: ignore[arg-type]
        )
    except InvalidInput:
        return  # past the cap on blocks
    report = analyze(spec)
    totals, layers = report.totals, report.layers
    assert totals == summarize(spec)
    assert totals.params == sum(c.params for c in layers) == sum(s.params for s in report.stages)
    assert totals.mult_adds == sum(c.mult_adds for c in layers)
    assert totals.mult_adds == sum(s.mult_adds for s in report.stages)
    assert totals.activations == sum(c.activations for c in layers)
    assert totals.mult_adds == sum(p.mult_adds for p in report.parts)
    assert totals.params == sum(p.params for p in report.parts)
    assert totals.peak_activation_bytes == max(p.peak_activation_bytes for p in report.parts)
    others = sum(c.other_ops for c in layers)
    assert totals.fvcore.total == totals.mult_adds + others
    assert len({layer.name for layer in layers}) == len(layers)


def test_receptive_field_by_gradient() -> None:
    """The side of the input region that one output position depends on, without SE's pooling."""
    spec = variant("lite0")
    report = analyze(spec)
    stage = 4
    field = report.stages[stage].receptive_field
    model = build(spec, seed=0).double()
    x = torch.rand(1, 3, 224, 224, dtype=torch.float64, requires_grad=True)
    features = model.prefix(x, stage)
    middle = features.shape[-1] // 2
    (gradient,) = torch.autograd.grad(features[0, :, middle, middle].sum(), x)
    touched = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
    assert int(touched[-1] - touched[0]) + 1 == field


@pytest.mark.parametrize(
    ("keywords", "match"),
    [
        ({"resolution": 8}, "Resolution must"),
        ({"batch": 0}, "Batch size"),
        ({"dtype": "int4"}, "dtype must be one of"),
    ],
)
def test_bad_values_are_sentences(keywords: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        analyze(variant("b0"), **keywords)


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("layout", "tolerance"),
    [
        (torch.contiguous_format, 0.05),
        (torch.channels_last, 0.1),  # cuDNN may ask the allocator for room of its own
    ],
    ids=["contiguous", "channels-last"],
)
@pytest.mark.parametrize("name", ["b0", "b4", "v2-s"])
def test_peak_on_cuda_is_close_to_the_allocators(
    name: str, layout: torch.memory_format, tolerance: float
) -> None:
    spec = variant(name)
    model = build(spec, device="cuda", seed=0).to(memory_format=layout)
    images = torch.zeros(8, 3, spec.resolution, spec.resolution, device="cuda")
    images = images.contiguous(memory_format=layout)
    with torch.no_grad():
        model(images)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() - images.numel() * 4
        model(images)
        torch.cuda.synchronize()
    measured = torch.cuda.max_memory_allocated() - before
    predicted = summarize(spec, batch=8).peak_activation_bytes
    assert predicted == pytest.approx(measured, rel=tolerance)
