"""Forward passes on the CPU: the default back end, raw runtimes, the libraries' eager mode.

The default back end has to cost at most 5 % more than the faster runtime does by itself on the
graph that torch.onnx exports of torchvision's network, and on B0 it has to be 2.2 times as fast as
the better of torchvision's and timm's networks in torch. Batches of 8, and B1 to B3 beside the
runtimes alone, are for information: which runtime is to answer was chosen by them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, partial

from benchmarks import peers
from benchmarks.peers import Answer, peer, same
from benchmarks.protocol import Plan
from benchmarks.rows import Peer, Row, compare
from benchmarks.subjects import Subject

PLANS = {
    ("b0", 1): Plan(rounds=14, seconds=0.1),
    ("b4", 1): Plan(rounds=8, seconds=0.25),
    ("b0", 8): Plan(rounds=6, seconds=0.2, untimed=1),
    ("b4", 8): Plan(rounds=3, seconds=0.6, untimed=1, tries=2),
}
BETWEEN = ("b1", "b2", "b3")
BETWEEN_PLANS = {1: Plan(rounds=8, seconds=0.1), 8: Plan(rounds=3, seconds=0.3, untimed=1)}
RUNTIMES_TARGET = 1.05
LIBRARIES_TARGET = {("b0", 1): 1 / 2.2}


def rows(*, with_compile: bool = False) -> tuple[Row, ...]:
    """Every row; `with_compile` adds torch.compile, which compiles for a minute first."""
    found: list[Row] = []
    for (name, batch), plan in PLANS.items():
        subject = Subject(name)
        libraries = _libraries(subject, batch, with_compile=with_compile and batch == 1)
        target = RUNTIMES_TARGET if batch == 1 else None
        found += _rows(subject, batch, [*_runtimes(subject, batch, target), *libraries], plan)
    for name in BETWEEN:
        for batch, plan in BETWEEN_PLANS.items():
            subject = Subject(name)
            found += _rows(subject, batch, _runtimes(subject, batch, None), plan)
    return tuple(found)


def _rows(subject: Subject, batch: int, others: list[Peer], plan: Plan) -> tuple[Row, ...]:
    x = subject.inputs(batch)
    expected = peers.eager(subject.theirs, x)()
    if batch == 1:
        ours: Answer = partial(_logits, subject, x)
    else:
        ours = partial(_batch, subject, x.numpy())
    same(ours, expected)
    return compare(f"forward pass, {subject.name.upper()}, batch {batch}", ours, others, plan)


def _runtimes(subject: Subject, batch: int, target: float | None) -> list[Peer]:
    """ONNX Runtime and OpenVINO on the exported graph."""
    x = subject.inputs(batch)
    expected = peers.eager(subject.theirs, x)()
    graph = cache(partial(peers.exported, subject.theirs, x))

    def runtime(start: Callable[..., Answer]) -> Answer:
        return same(start(graph(), x), expected)

    return [
        peer("ONNX Runtime, raw", partial(runtime, peers.onnx_runtime), target),
        peer("OpenVINO, raw", partial(runtime, peers.openvino), target),
    ]


def _libraries(subject: Subject, batch: int, *, with_compile: bool) -> list[Peer]:
    """The libraries' own networks in torch, as they come and channels-last."""
    x = subject.inputs(batch)
    expected = peers.eager(subject.theirs, x)()
    target = LIBRARIES_TARGET.get((subject.name, batch))

    def torchvision(channels_last: bool) -> Answer:
        model = copy.deepcopy(subject.theirs)
        return same(peers.eager(model, x, channels_last=channels_last), expected)

    def timm(channels_last: bool) -> Answer:
        return peers.eager(peers.timm_model(subject.name), x, channels_last=channels_last)

    found = [
        peer("torchvision", partial(torchvision, False), target),
        peer("torchvision, channels-last", partial(torchvision, True), target),
        peer("timm", partial(timm, False), target),
        peer("timm, channels-last", partial(timm, True), target),
    ]
    if with_compile:
        model = copy.deepcopy(subject.theirs)
        found.append(peer("torch.compile", lambda: same(peers.compiled(model, x), expected)))
    return found


def _logits(subject: Subject, x: peers.Tensor) -> peers.Array:
    return subject.predictor.forward(x).logits[None]


def _batch(subject: Subject, x: peers.Array) -> peers.Array:
    return subject.session.run(x)[0]
