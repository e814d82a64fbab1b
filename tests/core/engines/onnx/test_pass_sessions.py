"""Which sessions of a model are in memory, by who asks."""

from __future__ import annotations

import weakref

from effnet_core.architecture.names import scaled
from effnet_core.engines.onnx.pass_sessions import ENOUGH, PassSessions
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


def test_one_is_left_when_all_have_gone() -> None:
    sessions = PassSessions(SPEC, random_tensors(SPEC, 1))
    half = sessions._half.wait(SECONDS)
    assert half is not None
    sessions.rest()
    assert sessions.any() is half
