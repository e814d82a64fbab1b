"""The device that computes, by name; torch is asked only where there may be a GPU."""

from __future__ import annotations

from effnet_core import host


def device_name(text: str = "auto") -> str:
    """The device behind "auto" (CUDA where present), "cpu", "cuda" or "cuda:N": "cpu" or "cuda:N".

    Raises InvalidInput for other text, and EffnetError for a CUDA device that this machine lacks.
    """
    if text == "cpu" or (text == "auto" and not host.may_have_cuda()):
        return "cpu"
    from effnet_core.network.build import resolve_device

    return str(resolve_device(text))
