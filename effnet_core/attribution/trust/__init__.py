"""Can this map be trusted? One sentence, and the evidence for it."""

from __future__ import annotations

from effnet_core.attribution.trust.judge import Evidence, Trust, trust
from effnet_core.attribution.trust.subject import Subject, onnx_subject

__all__ = ["Evidence", "Subject", "Trust", "onnx_subject", "trust"]
