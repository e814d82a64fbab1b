"""The group for CUDA: where there is no device it says so, and its parts work on any.

On a CPU these prove what is compared with what, and nothing of times or of the allocator.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import cuda, peers
from benchmarks.subjects import Subject
from benchmarks.table import text
from effnet_core.architecture.names import scaled
from effnet_core.engines.cuda.engine import CudaEngine, upload
from effnet_core.network.build import build


def test_without_a_device_one_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (row,) = cuda.rows()
    assert (row.ours, row.peer, row.target, row.met) == (None, None, None, None)
    assert "not measured: no CUDA device" in text([row])


@pytest.mark.parametrize("autocast", [False, True])
def test_the_libraries_answers_are_seen_to_be_ours(autocast: bool) -> None:
    subject = Subject("b0")
    inputs = subject.inputs(2)[..., :64, :64]
    expected = peers.eager(subject.theirs, inputs)()
    found = cuda._libraries(subject, inputs, expected, autocast)
    assert [each.name.partition(",")[0] for each in found] == (
        ["torchvision", "timm"] if autocast else ["torchvision"] * 2 + ["timm"] * 2
    )
    for each in found:
        assert each.call is not None, each.note
        assert np.isfinite(cuda._few(each.call)).all()  # type: ignore[arg-type]
    wrong = cuda._libraries(subject, inputs, -expected, autocast)
    assert wrong[0].call is None and "differs" in wrong[0].note


@pytest.mark.parametrize(
    ("predicted", "met"), [(899, False), (901, True), (1000, True), (1099, True), (1101, False)]
)
def test_predicted_memory_is_met_within_a_band_either_way(predicted: int, met: bool) -> None:
    row = cuda.memory_row("B0", predicted * 1_000_000, 1_000_000_000)
    assert (row.ours, row.peer, row.unit) == (predicted, 1000, "MB")
    assert (row.ratio, row.target, row.met) == (predicted / 1000, 1.1, met)
    assert "within 10% either way" in text([row])
    assert ("1 of 1 targets met" in text([row])) is met


def test_every_upload_gives_the_same_logits_on_the_host() -> None:
    model = build(scaled(-5, resolution=64, num_classes=7), seed=1).requires_grad_(False)
    values, device = torch.randn(2, 3, 64, 64), torch.device("cpu")
    expected = model(values)
    before = torch.backends.cudnn.allow_tf32
    engine = CudaEngine(model, capture=lambda run, _: run)
    torch.backends.cudnn.allow_tf32 = before
    calls = [cuda.from_host(engine, lambda: upload(values, device))]
    calls.append(cuda.from_host(engine, lambda: values.to(device)))
    assert cuda._how(engine, calls[0]) == "CUDA graph"
    for call in calls:
        torch.testing.assert_close(call(), expected)


@pytest.mark.gpu
def test_on_cuda_rows_have_their_ratios_and_both_uploads_the_same_answer() -> None:
    subject = Subject("b0")
    (memory,) = cuda._memory("B0", subject, 8)
    assert memory.ratio is not None and memory.met is not None
    (row,) = cuda._uploads("B0", subject, 1)
    assert "from the host and back, float32, CUDA graph" in row.name
    assert row.ours is not None and row.peer is not None and row.ratio is not None


@pytest.mark.gpu
def test_events_see_the_work_and_the_allocator_what_a_pass_takes() -> None:
    x = torch.randn(4096, 4096, device="cuda")
    assert 0 < cuda.by_events(lambda: x[:64] @ x) < cuda.by_events(lambda: x @ x @ x @ x)
    assert cuda.allocated(torch.nn.Identity(), x) == x.nbytes
    assert cuda.allocated(torch.nn.Softplus(), x) == 2 * x.nbytes
