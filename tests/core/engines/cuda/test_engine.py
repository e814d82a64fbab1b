"""The CUDA engine: its passes and its turns on any device, and on a CUDA device what it is for.

Without a device a stand-in records: that proves who answers which pass, and how many are in the
buffers, and nothing of graphs, streams or speed. What only a device shows is marked `gpu`.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from effnet_core.cost.report import summarize
from effnet_core.engines.cuda.engine import HEADROOM, CudaEngine, upload
from effnet_core.engines.cuda.graphs import Outputs, Run
from effnet_core.engines.torch import EagerEngine
from effnet_core.network.layers import MBConv
from tests.core.engines.cuda.passes import assert_close, network, one_buffer, pictures


def test_first_and_later_passes_are_the_models_whatever_the_layout() -> None:
    seen = pictures(4)
    expected = [EagerEngine(network()).forward(one) for one in seen]
    engine = CudaEngine(network(), capture=one_buffer)
    names = [engine.name]
    looks = []
    for one in seen:
        looks.append(engine.forward(one))
        names.append(engine.name)
    for look, wanted in zip(looks, expected, strict=True):
        assert_close(look.logits, wanted.logits)
        assert_close(look.features, wanted.features)
        assert look.features.flags.c_contiguous and look.features.dtype == np.float32
    plain = EagerEngine(network()).name
    assert [look.engine for look in looks] == [plain, *[f"{plain}, CUDA graph"] * 3]
    assert names == [plain, plain, *[f"{plain}, CUDA graph"] * 3]


def test_weights_keep_their_values_and_lie_channels_last() -> None:
    model, plain = network(), network()
    CudaEngine(model, capture=one_buffer).forward(pictures(1)[0])
    for name, tensor in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    block = model.blocks(2)[0]
    assert isinstance(block, MBConv)
    assert block.depthwise.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert not torch.backends.cudnn.allow_tf32


def test_batches_have_logits_of_their_own_memory() -> None:
    engine = CudaEngine(network(), capture=one_buffer)
    seen = torch.cat(pictures(6))
    first, second, third = (engine.logits(seen[place : place + 2]) for place in (0, 2, 4))
    expected = network()(seen)
    assert_close(torch.cat([first, second, third]).numpy(), expected.numpy())


def test_threads_get_the_serial_answers() -> None:
    engine = CudaEngine(network(), capture=one_buffer)
    seen = pictures(24)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(engine.forward, seen))
    for one, look in zip(seen, together, strict=True):
        serial = engine.forward(one)
        assert_close(look.logits, serial.logits)
        assert_close(look.features, serial.features)
    assert not np.allclose(together[0].logits, together[1].logits, rtol=0, atol=1e-3)


def test_two_passes_are_never_in_the_buffers_at_once() -> None:
    inside = threading.Semaphore(1)

    def capture(run: Run, example: Tensor) -> Run:
        replay = one_buffer(run, example)

        def alone(inputs: Tensor) -> Outputs:
            assert inside.acquire(blocking=False)
            try:
                return replay(inputs)
            finally:
                inside.release()

        return alone

    engine = CudaEngine(network(), capture=capture)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(engine.forward, pictures(16)))
    assert engine.name.endswith("CUDA graph")  # a replay that failed would have ended them


def test_a_refused_capture_and_little_memory_leave_eager_mode(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(run: Run, example: Tensor) -> Run:
        raise RuntimeError("operation not permitted when stream is capturing")

    (one,), wanted = pictures(1), EagerEngine(network())
    need = HEADROOM * summarize(network().spec).peak_activation_bytes
    cases: list[tuple[Callable[[Run, Tensor], Run], int]] = [(refuse, need), (one_buffer, need - 1)]
    for capture, free in cases:
        caplog.clear()
        monkeypatch.setattr("effnet_core.engines.cuda.engine.free_bytes", lambda _, free=free: free)
        engine = CudaEngine(network(), capture=capture)
        for look in (engine.forward(one), engine.forward(one)):
            assert_close(look.logits, wanted.forward(one).logits)
            assert look.engine == engine.name == wanted.name
        assert len(caplog.records) == 1
    monkeypatch.setattr("effnet_core.engines.cuda.engine.free_bytes", lambda _: need)
    engine = CudaEngine(network(), capture=one_buffer)
    engine.forward(one)
    engine.forward(one)
    assert engine.name.endswith("CUDA graph")


@pytest.mark.parametrize("autocast", [False, True])
def test_the_model_goes_with_its_last_user(autocast: bool) -> None:
    model = network()
    engine = CudaEngine(model, autocast=autocast, capture=one_buffer)
    for picture in pictures(2):
        engine.forward(picture)
    assert engine.name.partition(", ")[2].startswith("CUDA graph")
    held = weakref.ref(model)
    gc.collect()
    gc.disable()  # no cycle may keep it
    try:
        del model, engine
        assert held() is None
    finally:
        gc.enable()


def test_an_upload_is_equal_where_no_memory_can_be_locked() -> None:
    values = torch.arange(6.0)
    assert torch.equal(upload(values, torch.device("cpu")), values)


@pytest.mark.gpu
def test_a_graph_gives_eager_torchs_answer_for_each_picture() -> None:
    seen = pictures(5, "cuda")
    expected = [EagerEngine(network()).forward(one.cpu()) for one in seen]
    engine = CudaEngine(network("cuda"))
    eager = EagerEngine(network("cuda"))  # as contiguous weights; TF32 is off for it too
    for one, wanted in zip(seen, expected, strict=True):
        look = engine.forward(one)
        for other in (wanted, eager.forward(one)):
            assert_close(look.logits, other.logits)
            assert_close(look.features, other.features)
    assert look.engine.endswith(", CUDA graph")


@pytest.mark.gpu
def test_on_cuda_threads_get_the_serial_answers() -> None:
    engine, seen = CudaEngine(network("cuda")), pictures(40)

    def answer(one: Tensor) -> np.ndarray:
        return engine.forward(upload(one, torch.device("cuda", 0))).logits

    serial = [answer(one) for one in seen]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(answer, seen))
    for found, wanted in zip(together, serial, strict=True):
        assert_close(found, wanted)
    assert engine.name.endswith(", CUDA graph")


@pytest.mark.gpu
def test_threads_on_streams_of_their_own_get_the_serial_answers() -> None:
    """Passes are queued and not waited for: on the host alone turns would not keep them apart."""
    engine, seen = CudaEngine(network("cuda")), pictures(8, "cuda")
    serial = [engine.logits(one).cpu().numpy() for one in seen]
    assert engine.name.endswith(", CUDA graph")
    torch.cuda.synchronize()

    def answer(one: Tensor) -> list[np.ndarray]:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            queued = [engine.logits(one) for _ in range(100)]
            return [each.cpu().numpy() for each in queued]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(answer, seen))
    for found, wanted in zip(together, serial, strict=True):
        for each in found:
            assert_close(each, wanted)


@pytest.mark.gpu
def test_several_engines_record_side_by_side() -> None:
    engines, (one,) = [CudaEngine(network("cuda")) for _ in range(4)], pictures(1, "cuda")
    with ThreadPoolExecutor(4) as pool:
        found = [
            pool.submit(lambda e: [e.forward(one) for _ in range(5)], each) for each in engines
        ]
        looks = [look for each in found for look in each.result()]
    for look in looks:
        assert_close(look.logits, looks[0].logits)
    assert all(each.name.endswith(", CUDA graph") for each in engines)


@pytest.mark.gpu
def test_prefixes_on_cuda_can_be_differentiated() -> None:
    model, (one,) = network("cuda"), pictures(1, "cuda")
    CudaEngine(model).forward(one)
    features = model.prefix(one, 3).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.suffix(features, 3)[0, 2], features)
    plain = network("cuda")
    features = plain.prefix(one, 3).clone().requires_grad_()
    (expected,) = torch.autograd.grad(plain.suffix(features, 3)[0, 2], features)
    assert_close(gradient.cpu().numpy(), expected.cpu().numpy(), 1e-3)
