"""Which sessions of a model are in memory, by who asks."""

from __future__ import annotations

import weakref

import pytest

from effnet_core.architecture.names import scaled
from effnet_core.engines.onnx import pass_sessions as module
from effnet_core.engines.onnx.pass_sessions import PassSessions
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.host import available_cores

SECONDS = 60
SPEC = scaled(-5, resolution=64, num_classes=7)


def test_one_is_for_who_is_alone_and_one_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = PassSessions(SPEC, random_tensors(SPEC, 1))
    whole = sessions.any()
    assert whole is not None and whole.threads == available_cores()
    assert sessions.fitting(all_cores=True) is whole
    sessions.fitting(all_cores=False)  # begins the other
    half = sessions._half.wait(SECONDS)
    assert half is not None and half.threads == max(1, available_cores() // 2)
    assert sessions.fitting(all_cores=False) is half

    before = weakref.ref(whole)
    del whole
    assert before() is not None  # somebody was alone a moment ago
    monkeypatch.setattr(module, "LONELY_S", -1.0)
    assert sessions.fitting(all_cores=False) is half
    assert before() is None and sessions.any() is half

    sessions.fitting(all_cores=True)  # begins it again; until it stands the other answers
    again = sessions._whole.wait(SECONDS)
    assert again is not None and sessions.fitting(all_cores=True) is again

    other = weakref.ref(half)
    del half
    sessions.rest()
    assert other() is None and sessions.any() is again


def test_one_is_left_when_all_have_gone() -> None:
    sessions = PassSessions(SPEC, random_tensors(SPEC, 1))
    sessions.fitting(all_cores=False)
    half = sessions._half.wait(SECONDS)
    assert half is not None
    sessions.rest()
    assert sessions.any() is half
