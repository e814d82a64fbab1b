"""The group for CUDA: where there is no device it says so, and its parts work on any."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import cuda, peers
from benchmarks.subjects import Subject
from benchmarks.table import text


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


@pytest.mark.gpu
def test_events_see_the_work_and_the_allocator_what_a_pass_takes() -> None:
    x = torch.randn(4096, 4096, device="cuda")
    assert 0 < cuda.by_events(lambda: x[:64] @ x) < cuda.by_events(lambda: x @ x @ x @ x)
    assert cuda.allocated(torch.nn.Identity(), x) == x.nbytes
    assert cuda.allocated(torch.nn.Softplus(), x) == 2 * x.nbytes
