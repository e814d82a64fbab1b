"""The CUDA engine in bfloat16: torch's autocast to the digit, its weights rounded once.

Without a device a CPU computes, and a stand-in records: that proves which tensors are rounded and
to what, and nothing of graphs or speed. What only a device shows is marked `gpu`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from effnet_core.engines.cuda.engine import CudaEngine, _forward, rounded, upload
from effnet_core.engines.cuda.graphs import Run, capture_graph
from effnet_core.images import decode, model_view, to_input
from effnet_core.weights import load_checkpoint
from effnet_core.weights.checkpoints import instantiate
from tests.core.engines.cuda.passes import TOLERANCE, assert_close, network, one_buffer, pictures

BFLOAT_TOLERANCE = 0.2
"""Eight bits of mantissa, rounded at each of some fifty layers of random weights."""


def test_autocast_computes_in_bfloat16_and_leaves_gradients_alone() -> None:
    seen, model = pictures(3), network()
    exact = CudaEngine(network(), capture=one_buffer)
    engine = CudaEngine(model, autocast=True, capture=one_buffer)
    for one in seen:
        found, wanted = engine.forward(one), exact.forward(one)
        assert found.logits.dtype == np.float32
        assert_close(found.logits, wanted.logits, BFLOAT_TOLERANCE)
        difference = np.abs(found.logits - wanted.logits).max() / np.abs(wanted.logits).max()
        assert difference > 10 * TOLERANCE  # else nothing was rounded
    assert found.engine.endswith(", CUDA graph, bfloat16 autocast")
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert not torch.is_autocast_enabled("cpu")


class Casts(TorchDispatchMode):
    """Counts the tensors that are given another number format."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        self.count += func is torch.ops.aten._to_copy.default
        return func(*args, **(kwargs or {}))


def test_rounded_weights_give_autocasts_answers_to_the_digit_without_its_casts() -> None:
    model = network().to(memory_format=torch.channels_last)
    once, (picture,), counts = rounded(model), pictures(1), []
    picture = picture.contiguous(memory_format=torch.channels_last)
    found = []
    for each in (model, once):
        with (
            torch.no_grad(),  # in inference mode torch does not split casts from what needs none
            torch.autocast("cpu", torch.bfloat16, cache_enabled=False),
            Casts() as casts,
        ):
            features = each.forward_features(picture)
            found.append((features, each.forward_head(features)))
        counts.append(casts.count)
    for wanted, got in zip(*found, strict=True):
        assert got.dtype == torch.bfloat16 and torch.equal(got, wanted)
    computing = [each for each in model.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    tensors = sum(len(list(each.parameters(recurse=False))) for each in computing)
    assert counts == [tensors + 1, 1]  # the picture is what is left


def test_an_autocast_engine_gives_torchs_autocasts_answers_to_the_digit() -> None:
    model, (picture,) = network().to(memory_format=torch.channels_last), pictures(1)
    picture = picture.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        features = model.forward_features(picture)
        logits = model.forward_head(features)
    engine = CudaEngine(network(), autocast=True, capture=one_buffer)
    for _ in range(3):
        look = engine.forward(picture)
        np.testing.assert_array_equal(look.logits, logits[0].float().numpy())
        np.testing.assert_array_equal(look.features, features[0].float().numpy())


def test_rounding_holds_nothing_twice_but_what_is_rounded() -> None:
    model = network()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    once = rounded(model).state_dict(keep_vars=True)
    for name, values in model.state_dict(keep_vars=True).items():
        assert torch.equal(values, before[name])
        assert (once[name] is values) == (".norm." in name), name
        if once[name] is not values:
            assert torch.equal(once[name], values.bfloat16()) and not once[name].requires_grad


@pytest.mark.gpu
def test_on_cuda_a_replay_in_bfloat16_gives_autocasts_answer() -> None:
    model, seen = network("cuda").to(memory_format=torch.channels_last), pictures(3, "cuda")
    engine = CudaEngine(network("cuda"), autocast=True)
    for one in seen:
        look = engine.forward(one)
        inputs = one.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            logits = model(inputs)[0].float().cpu().numpy()
        # Libraries may choose another algorithm for a recorded pass, which rounds elsewhere.
        assert_close(look.logits, logits, BFLOAT_TOLERANCE)
    assert look.engine.endswith(", CUDA graph, bfloat16 autocast")


def kernels(run: Run, inputs: Tensor) -> int:
    """What the device does for one call."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.inference_mode():
        run(inputs)
        torch.cuda.synchronize()
        with torch.profiler.profile(activities=activities) as profile:
            run(inputs)
            torch.cuda.synchronize()
    on_device = torch.autograd.DeviceType.CUDA
    return sum(each.device_type == on_device for each in profile.events())


@pytest.mark.gpu
def test_a_graph_in_bfloat16_lacks_the_casts_of_every_weight() -> None:
    model, (one,) = network("cuda").to(memory_format=torch.channels_last), pictures(1, "cuda")
    once = rounded(model)
    with torch.inference_mode():
        casting, cast = (
            kernels(capture_graph(partial(_forward, each, True), one), one)
            for each in (model, once)
        )
    rounds = sum(each.dtype == torch.bfloat16 for each in once.parameters())
    assert rounds > 50 and cast <= casting - rounds


@pytest.mark.gpu
def test_bfloat16_names_the_same_class_of_nearly_every_photo(
    photos: tuple[Path, ...], v2b0_weights: Path
) -> None:
    loaded = load_checkpoint(v2b0_weights)
    exact = CudaEngine(instantiate(loaded, device="cuda").requires_grad_(False))
    autocast = CudaEngine(instantiate(loaded, device="cuda").requires_grad_(False), autocast=True)
    same, apart = 0, 0.0
    for photo in photos:
        view = model_view(decode(photo.read_bytes()), loaded.preprocessing)
        values = torch.from_numpy(to_input(view, loaded.preprocessing))[None]
        inputs = upload(values, torch.device("cuda", 0))
        one, other = (engine.forward(inputs).probabilities() for engine in (exact, autocast))
        same += int(one.argmax() == other.argmax())
        apart = max(apart, float(np.abs(one - other).max()))
    # Autocast on a CPU agrees on 39 of the 40, with no probability further off than 0.02.
    assert same >= 37 and 0 < apart < 0.1
