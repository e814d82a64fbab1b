"""Building a network on a device: is there room, then meta device → target → initial weights."""

from __future__ import annotations

import re

import torch

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.memory import Engine, require_room
from effnet_core.cost.report import element_bytes
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.host import available_memory
from effnet_core.network.model import EfficientNet, initialise


def resolve_device(text: str = "auto") -> torch.device:
    """The device behind "auto" (CUDA where present), "cpu", "cuda" or "cuda:N".

    Raises InvalidInput for other text, and EffnetError for a CUDA device that this machine lacks.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", text):
        raise InvalidInput(f"Device must be auto, cpu, cuda or cuda:N; got {text!r:.40}.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if text == "cpu" or (text == "auto" and not count):
        return torch.device("cpu")
    index = int(text.partition(":")[2] or 0)
    if index >= count:
        raise EffnetError(f"{text} was asked for, but this machine has {count} CUDA devices.")
    return torch.device("cuda", index)


def torch_dtype(name: str) -> torch.dtype:
    """The torch dtype called `name`; raises InvalidInput for one that is not offered."""
    element_bytes(name)
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def free_bytes(device: torch.device) -> int:
    """Bytes that can be allocated on `device` now.

    On CUDA what the driver reports free plus what torch's allocator holds unused; on the CPU as
    `host.available_memory` says.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + unused)
    return available_memory()


def check_fits(
    spec: ArchitectureSpec, device: torch.device, *, batch: int = 1, dtype: str = "float32"
) -> None:
    """Raise DoesNotFit if the predicted bytes of a run exceed what is free on `device`.

    On the CPU those that torch takes; on CUDA, where that was not measured, the tensors' own.
    """
    engine: Engine | None = "torch" if device.type == "cpu" else None
    require_room(spec, free_bytes(device), str(device), batch=batch, dtype=dtype, engine=engine)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out; on the CPU torch raises a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def build(
    spec: ArchitectureSpec,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    seed: int | None = None,
    batch: int = 1,
) -> EfficientNet:
    """A network with the reference's initial weights on `device`, in evaluation mode.

    It is built on the meta device and materialised straight on the target, after the predicted
    bytes (at `batch`) were compared with what is free. With a `seed` the weights are reproducible
    per device, and torch's global generator is left as it was. Raises DoesNotFit or InvalidInput,
    and EffnetError for a device that this machine lacks.
    """
    target = resolve_device(device)
    model = materialise(spec, target, dtype=dtype, batch=batch)
    if seed is None:
        initialise(model)
    else:
        devices = [target] if target.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            initialise(model)
    return model


def materialise(
    spec: ArchitectureSpec, device: torch.device, *, dtype: str = "float32", batch: int = 1
) -> EfficientNet:
    """A network on `device` in evaluation mode whose memory is allocated but not filled.

    For callers that fill every parameter and buffer themselves. Raises DoesNotFit or InvalidInput.
    """
    kind = torch_dtype(dtype)
    check_fits(spec, device, batch=batch, dtype=dtype)
    with torch.device("meta"):
        model = EfficientNet(spec).to(kind)
    return model.to_empty(device=device).eval()
