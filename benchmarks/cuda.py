"""Forward passes on CUDA: this project's engine beside torchvision's and timm's networks in torch.

Pictures lie on the device and logits stay there; CUDA's own events take the time. All compute
convolutions in float32 and not in TF32, or all in bfloat16 by autocast, which rounds the libraries'
weights in every pass; ours are rounded once. Answers are compared in float32: random weights carry
bfloat16's rounding to half of the largest logit. Beside the times stands the memory of a pass that
`effnet_core.cost.report` predicts, and what torch's allocator gave out.

Rows "from the host and back" take pictures and logits on the host, and the clock takes the time:
our engine on pictures that it uploads by way of page-locked memory, the copy into which counts, and
the same engine on pictures that torch uploads as they lie.
"""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks import peers
from benchmarks.peers import Array, peer, same
from benchmarks.protocol import Call, Plan, by_clock
from benchmarks.rows import Peer, Row, compare
from benchmarks.subjects import Subject
from effnet_core.cost.report import summarize
from effnet_core.engines.cuda.engine import CudaEngine, upload
from effnet_core.engines.cuda.graphs import release_cached_memory
from effnet_core.weights.checkpoints import instantiate

Run = Callable[[], Tensor]

NAMES = ("b0", "b4", "b7")
NO_DEVICE = "cuda: not measured: no CUDA device."
COMPARED = 4  # pictures of a batch
TOLERANCE = 1e-2
"""Of the largest logit: random weights carry another order of summing to some 2e-4 of it."""
MEMORY_BAND = 0.1
"""How far, either way, predicted memory may be off: libraries take room of their own from it."""


def by_events(call: Call) -> float:
    """Milliseconds between two events of the device, around what `call` asks of it."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


PLANS = {
    1: Plan(rounds=10, seconds=0.1, timer=by_events),
    32: Plan(rounds=6, seconds=0.2, timer=by_events),
    256: Plan(rounds=3, seconds=0.2, untimed=1, tries=1, timer=by_events),
}


def rows() -> tuple[Row, ...]:
    """Every network, batch and number format, or one row that says why there is none."""
    if not torch.cuda.is_available():
        return (Row(name="forward pass on CUDA", peer_name="torchvision, timm", note=NO_DEVICE),)
    found: list[Row] = []
    for name in NAMES:
        for batch in PLANS:
            found += _rows(Subject(name), batch)
            gc.collect()
            release_cached_memory()
    return tuple(found)


def allocated(model: nn.Module, inputs: Tensor) -> int:
    """Bytes that torch's allocator gives out at most for a pass, its input among them."""
    with torch.inference_mode():
        model(inputs)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() - inputs.nbytes
        model(inputs)
        torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def memory_row(title: str, predicted: int, given_out: int) -> Row:
    """Bytes of a pass, predicted over what the allocator gave out; too little is missed as well."""
    ratio = predicted / given_out
    return Row(
        name=f"{title}, memory of a pass, predicted, within {MEMORY_BAND:.0%} either way",
        peer_name="torch's allocator",
        unit="MB",
        ours=predicted / 1e6,
        peer=given_out / 1e6,
        ratio=ratio,
        target=1 + MEMORY_BAND,
        met=abs(ratio - 1) <= MEMORY_BAND,
    )


def from_host(engine: CudaEngine, send: Run) -> Run:
    """From what `send` uploads to the logits on the host."""
    return lambda: engine.logits(send()).cpu()


def _rows(subject: Subject, batch: int) -> list[Row]:
    title = f"{torch.cuda.get_device_name()}: {subject.name.upper()}, batch {batch}"
    found: list[Row] = []
    in_float32, in_bfloat16 = (partial(_times, autocast=autocast) for autocast in (False, True))
    for part in (_memory, in_float32, in_bfloat16, _uploads):
        try:
            found += part(title, subject, batch)
        except RuntimeError as error:  # memory that runs out is one
            note = f"{title}: {str(error).splitlines()[0]}"
            found.append(Row(name=title, peer_name="torchvision, timm", note=note))
    return found


def _memory(title: str, subject: Subject, batch: int) -> list[Row]:
    model = instantiate(subject.loaded, device="cuda").to(memory_format=torch.channels_last)
    inputs = subject.inputs(batch).cuda().contiguous(memory_format=torch.channels_last)
    predicted = summarize(subject.loaded.spec, batch=batch).peak_activation_bytes
    return [memory_row(title, predicted, allocated(model, inputs))]


def _times(title: str, subject: Subject, batch: int, *, autocast: bool) -> tuple[Row, ...]:
    inputs = subject.inputs(batch).cuda()
    engine = _engine(subject, autocast=autocast)
    ours = partial(engine.logits, inputs)
    expected = peers.eager(subject.theirs, inputs[:COMPARED].cpu())()
    if not autocast:
        same(partial(_few, ours), expected, TOLERANCE)
    name = f"{title}, {'bfloat16 autocast' if autocast else 'float32'}, {_how(engine, ours)}"
    return compare(name, ours, _libraries(subject, inputs, expected, autocast), PLANS[batch])


def _uploads(title: str, subject: Subject, batch: int) -> tuple[Row, ...]:
    engine, values = _engine(subject, autocast=False), subject.inputs(batch)
    device = torch.device("cuda", torch.cuda.current_device())
    pinned = from_host(engine, partial(upload, values, device))
    pageable = from_host(engine, lambda: values.to(device))
    how = _how(engine, pageable)
    same(partial(_few, pinned), _few(pageable), TOLERANCE)
    name = f"{title}, from the host and back, float32, {how}, page-locked upload"
    plan = replace(PLANS[batch], timer=by_clock)
    return compare(name, pinned, [Peer(name="pageable upload", call=pageable)], plan)


def _engine(subject: Subject, *, autocast: bool) -> CudaEngine:
    model = instantiate(subject.loaded, device="cuda").requires_grad_(False)
    return CudaEngine(model, autocast=autocast)


def _how(engine: CudaEngine, call: Run) -> str:
    """How the engine answers `call` once it has come twice, which is when it is recorded."""
    for _ in range(2):
        call()
    return "CUDA graph" if "graph" in engine.name else "eager"


def _libraries(subject: Subject, inputs: Tensor, expected: Array, autocast: bool) -> list[Peer]:
    def torchvision(channels_last: bool) -> Run:
        model = copy.deepcopy(subject.theirs)
        same(partial(_few, _eager(model, inputs, channels_last, False)), expected, TOLERANCE)
        return _eager(model, inputs, channels_last, autocast)

    def timm(channels_last: bool) -> Run:
        run = _eager(peers.timm_model(subject.name), inputs, channels_last, autocast)
        run()
        return run

    layouts = {"channels-last, autocast": True} if autocast else {"": False, "channels-last": True}
    return [
        peer(", ".join(filter(None, (library, how))), partial(make, layout))
        for library, make in (("torchvision", torchvision), ("timm", timm))
        for how, layout in layouts.items()
    ]


def _eager(model: nn.Module, inputs: Tensor, channels_last: bool, autocast: bool) -> Run:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(inputs.device).to(memory_format=layout)
    inputs = inputs.contiguous(memory_format=layout)

    def run() -> Tensor:
        with (
            torch.inference_mode(),
            torch.autocast(inputs.device.type, torch.bfloat16, enabled=autocast),
        ):
            logits: Tensor = model(inputs)
        return logits

    return run


def _few(run: Run) -> Array:
    """The first pictures' logits."""
    array: Array = run()[:COMPARED].float().cpu().numpy()
    return array
