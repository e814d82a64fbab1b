"""The one door through which the app asks for answers: `InferenceService`.

Frozen requests go in, frozen answers come out; no caller ever holds a model.
"""

from __future__ import annotations

from effnet_core.service.exporting import Exported, Witnessed
from effnet_core.service.inference import InferenceService
from effnet_core.service.requests import (
    CellRequest,
    Channels,
    ClassifyRequest,
    ExplainRequest,
    Explanation,
    LedgerRequest,
    ModelCard,
    ProbeRequest,
)
from effnet_core.service.slow import TimedBy
from effnet_core.service.uploads import parse_class_names

__all__ = [
    "CellRequest",
    "Channels",
    "ClassifyRequest",
    "ExplainRequest",
    "Explanation",
    "Exported",
    "InferenceService",
    "LedgerRequest",
    "ModelCard",
    "ProbeRequest",
    "TimedBy",
    "Witnessed",
    "parse_class_names",
]
