"""What happens in a worker: a service of its own answers, or a file is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effnet_core.weights.checkpoints import LoadedWeights
from effnet_core.weights.store import WeightsStore

if TYPE_CHECKING:
    from effnet_core.service.inference import InferenceService


@dataclass(frozen=True)
class Where:
    """What a worker's service has in common with the one that asks it."""

    root: Path
    device: str
    dtype: str


def answer(
    where: Where, upload: LoadedWeights | None, method: str, *arguments: Any, **named: Any
) -> Any:
    """What `InferenceService` answers in this process; an `upload` is sent with every question."""
    service = _service(where)
    if upload is not None:
        service._uploads.keep(upload, upload.origin, 0)  # under the id that it has there
    return getattr(service, method)(*arguments, **named)


@lru_cache(maxsize=1)
def _service(where: Where) -> InferenceService:
    from effnet_core.service.inference import InferenceService

    store = WeightsStore(where.root)
    return InferenceService(store, device=where.device, dtype=where.dtype, apart=False)
