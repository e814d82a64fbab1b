"""Every cached result and every long-lived object of the app. Importing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from effnet_core.service import InferenceService


@st.cache_resource(show_spinner="Starting PyTorch …")
def service() -> InferenceService:
    """Return the one door to models, shared by every session; the first call imports torch."""
    from effnet_core.service import InferenceService
    from effnet_core.weights.store import WeightsStore

    return InferenceService(WeightsStore())
