"""Peers that are absent, or that give another answer, are rows that say so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch

from benchmarks.peers import Differs, eager, exported, onnx_runtime, peer, same


def test_a_missing_package_is_named() -> None:
    def make() -> Callable[[], object]:
        return import_module("nowhere_to_be_found").call

    found = peer("Somebody", make, 0.5)
    assert (found.call, found.target) == (None, 0.5)
    assert found.note == "Somebody: the package nowhere_to_be_found is not installed."


def test_another_answer_is_not_timed() -> None:
    ours = np.array([1.0, 2.0], dtype=np.float32)
    assert peer("Same", lambda: same(lambda: ours * (1 + 1e-5), ours)).call is not None
    found = peer("Other", lambda: same(lambda: ours * 1.01, ours))
    assert found.call is None and found.note.startswith("Other: the answer differs by 1")
    for wrong in (ours[:1], ours * np.float32("nan")):
        with pytest.raises(Differs):
            same(partial(np.asarray, wrong), ours)


def test_a_runtime_on_the_exported_graph_answers_as_torch_does() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.SiLU()).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = eager(model, x)()
    assert expected.shape == (2, 4, 6, 6)
    same(eager(model, x, channels_last=True), expected)
    same(onnx_runtime(exported(model.requires_grad_(False), x), x), expected)
