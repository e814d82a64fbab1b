"""Which sessions of a model are in memory, by who asks."""

from __future__ import annotations

import dataclasses
import random
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from effnet_core.architecture.names import scaled
from effnet_core.engines.onnx import pass_sessions as module
from effnet_core.engines.onnx.pass_sessions import ENOUGH, PassSessions
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.host import available_cores

SECONDS = 60
SPEC = scaled(-5, resolution=64, num_classes=7)


def test_one_is_for_who_is_alone_and_one_for_many() -> None:
    sessions = PassSessions(SPEC, random_tensors(SPEC, 1))
    whole = sessions.any()
    assert whole is not None and whole.threads == available_cores()
    for all_cores in (True, *[False] * (ENOUGH - 1)):
        assert sessions.fitting(all_cores) is whole
    sessions.fitting(all_cores=False)  # begins the other; until it stands this one answers
    half = sessions._half.wait(SECONDS)
    assert half is not None and half.threads == max(1, available_cores() // 2)

    before = weakref.ref(whole)
    del whole
    assert before() is not None
    assert sessions.fitting(all_cores=False) is half
    assert before() is None and sessions.any() is half

    for all_cores in (*[True] * (ENOUGH - 1), False, True):
        assert sessions.fitting(all_cores) is half
    assert sessions.fitting(all_cores=True) is None and sessions.any() is half
    again = sessions._whole.wait(SECONDS)
    assert again is not None and again.threads == available_cores()
    other = weakref.ref(half)
    del half
    assert sessions.fitting(all_cores=True) is again
    assert other() is None and sessions.any() is again


@pytest.mark.parametrize(("resolution", "is_pooled"), [(64, True), (500, False)])
def test_what_needs_much_memory_keeps_none_of_what_is_shared(
    monkeypatch: pytest.MonkeyPatch, resolution: int, is_pooled: bool
) -> None:
    pooled = []

    class Noting(OnnxSession):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            pooled.append(named["pooled"])
            super().__init__(*arguments, **named)

    monkeypatch.setattr(module, "OnnxSession", Noting)
    spec = dataclasses.replace(SPEC, resolution=resolution)
    sessions = PassSessions(spec, random_tensors(spec, 1))
    assert sessions.any() is not None and sessions._half.wait(SECONDS) is not None
    assert pooled == [is_pooled, is_pooled]


def test_threads_never_find_both_gone() -> None:
    sessions = PassSessions(SPEC, random_tensors(SPEC, 1))
    assert sessions.any() is not None
    end = time.monotonic() + 1.0

    def ask(seed: int) -> int:
        drawn, missing = random.Random(seed), 0
        while time.monotonic() < end:
            all_cores = drawn.random() < 0.5
            for _ in range(2 * ENOUGH):
                sessions.fitting(all_cores)
                with sessions._lock:
                    missing += (sessions._half.value or sessions._whole.value) is None
            if seed == 0:
                sessions.rest()
        return missing

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(ask, range(4)))


def test_one_is_left_when_all_have_gone() -> None:
    sessions = PassSessions(SPEC, random_tensors(SPEC, 1))
    half = sessions._half.wait(SECONDS)
    assert half is not None
    for _ in range(ENOUGH):
        sessions.fitting(all_cores=False)
    sessions.rest()
    assert sessions.any() is half
    assert sessions.fitting(all_cores=True) is None  # one for all cores begins
    assert sessions._whole.wait(SECONDS) is not None
