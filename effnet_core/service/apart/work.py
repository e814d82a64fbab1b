"""What happens in a worker: a service of its own answers, or a file is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from effnet_core.weights.checkpoints import LoadedWeights
from effnet_core.weights.store import WeightsStore


@dataclass(frozen=True)
class Where:
    """What a worker's service has in common with the one that asks it."""

    root: Path
    device: str
    dtype: str


def answer(
    kind: Callable[..., Any],
    where: Where,
    upload: LoadedWeights | None,
    method: str,
    *arguments: Any,
    **named: Any,
) -> Any:
    """What a service of this kind answers here; an `upload` is sent with every question."""
    service = _service(kind, where)
    if upload is not None:
        service._uploads.keep(upload, upload.origin, 0)  # under the id that it has there
    return getattr(service, method)(*arguments, **named)


@lru_cache(maxsize=1)
def _service(kind: Callable[..., Any], where: Where) -> Any:
    store = WeightsStore(where.root)
    return kind(store, device=where.device, dtype=where.dtype, apart=False)
