"""Building on a device: room is checked first, seeds reproduce, bad devices are sentences."""

from __future__ import annotations

import sys

import pytest
import torch

from effnet_core.architecture.names import scaled, variant
from effnet_core.cost.memory import largest_fitting_phi, required_bytes, run_bytes
from effnet_core.errors import DoesNotFit, EffnetError, InvalidInput
from effnet_core.network.build import (
    build,
    resolve_device,
    torch_dtype,
)

builder = sys.modules["effnet_core.network.build"]


def test_seed_reproduces_and_spares_the_global_generator() -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    first, second = build(scaled(-5), seed=4), build(scaled(-5), seed=4)
    assert torch.equal(torch.rand(1), expected)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.classifier.weight, build(scaled(-5), seed=5).classifier.weight)


def test_built_networks_are_whole_and_in_evaluation_mode() -> None:
    model = build(scaled(-5), seed=0, dtype="bfloat16")
    assert not model.training
    assert all(not t.is_meta for t in (*model.parameters(), *model.buffers()))
    assert model.stem.norm.running_var.dtype == torch.bfloat16  # type: ignore[union-attr]
    assert bool(torch.isfinite(model(torch.zeros(1, 3, 64, 64, dtype=torch.bfloat16))).all())


def test_too_big_is_refused_before_allocating(monkeypatch: pytest.MonkeyPatch) -> None:
    room = run_bytes(scaled(1.0), "torch")
    monkeypatch.setattr(builder, "free_bytes", lambda device: room)
    monkeypatch.setattr(builder, "EfficientNet", None)
    with pytest.raises(DoesNotFit, match=r"b7 at 600 px .* largest φ that fits is 1\."):
        build(variant("b7"))
    monkeypatch.setattr(builder, "free_bytes", lambda device: 10_000)
    with pytest.raises(DoesNotFit, match="no φ fits"):
        build(variant("b0"))


def test_largest_phi_is_the_largest() -> None:
    free = 100_000_000
    phi = largest_fitting_phi(free)
    assert phi is not None
    assert required_bytes(scaled(phi)) <= free < required_bytes(scaled(round(phi + 0.1, 1)))


def test_free_memory_is_plausible() -> None:
    assert 2**24 < builder.free_bytes(torch.device("cpu")) < 2**50


@pytest.mark.parametrize("text", ["gpu", "cuda:x", "", "cuda:-1", "mps"])
def test_bad_devices_are_sentences(text: str) -> None:
    with pytest.raises(InvalidInput, match="Device must be"):
        resolve_device(text)


def test_absent_cuda_device_is_a_sentence() -> None:
    with pytest.raises(EffnetError, match="CUDA devices") as caught:
        resolve_device("cuda:99")
    assert not isinstance(caught.value, InvalidInput)  # nothing is wrong with the text


def test_running_out_of_memory_is_known_by_what_torch_really_raises() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55, dtype=torch.uint8)
    assert builder.is_out_of_memory(caught.value)
    assert builder.is_out_of_memory(MemoryError())
    assert builder.is_out_of_memory(torch.OutOfMemoryError())
    assert not builder.is_out_of_memory(RuntimeError("shapes differ"))


def test_dtypes() -> None:
    assert torch_dtype("float16") is torch.float16
    with pytest.raises(InvalidInput, match="dtype must be one of"):
        torch_dtype("int8")


@pytest.mark.gpu
@pytest.mark.parametrize("spec", [variant("b7"), scaled(8)], ids=lambda spec: spec.name)
def test_large_networks_on_cuda_equal_the_cpu(spec: object) -> None:
    """Logits to 1e-3 of the largest, TF32 off; batch-norm statistics taken from the input."""
    from effnet_core.architecture.spec import ArchitectureSpec

    assert isinstance(spec, ArchitectureSpec)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    model = build(spec, device="cuda", seed=0)
    images = torch.randn(2, 3, spec.resolution, spec.resolution, device="cuda")
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
            module.train()
    with torch.no_grad():
        model(images)
        logits = model.eval()(images).cpu()
        expected = model.cpu()(images.cpu())
    assert float(expected.std()) > 0.1
    assert float((logits - expected).abs().max()) <= 1e-3 * float(expected.abs().max())
