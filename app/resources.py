"""Every cached result and every long-lived object of the app. Importing it imports no torch.

Results are frozen, so one object serves every session (`cache_resource` makes no copies); errors
are not cached. What every redraw of Scale reads is in `app.scale.results`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.downloads import Downloads
from app.scale.network import Network
from app.server import warm
from effnet_core.architecture.families import find_family
from effnet_core.architecture.rounding import Rounding
from effnet_core.cost.budget import Answer, Limits, Setting, best_free, largest_phi
from effnet_core.cost.reconcile import DepthJump, Reconciliation, depth_jumps, reconcile
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.latency import Calibration
from effnet_core.latency.job import CalibrationJob
from effnet_core.limits import PHI_MAX

if TYPE_CHECKING:
    from effnet_core.network.verify import Verification
    from effnet_core.results.searched import SearchRecord
    from effnet_core.results.trained import MeasuredMaps, MeasuredRun
    from effnet_core.service import InferenceService, ModelCard
    from effnet_core.service.training.jobs import TrainingJobs

Keys = dict[str | type[Any], Callable[[Any], Any]]

BY_CONTENT: Keys = dict.fromkeys(
    ("effnet_core.service.requests.ModelCard", "effnet_core.weights.bundled.BundledModel"),
    attrgetter("id", "sha256"),
)
"""How caches tell models apart: an import may take the name of another."""

_freeze_torch = cache(warm.freeze)
"""Keeps torch out of later collections, once it is imported: each takes 0.3 s with it."""


def service() -> InferenceService:
    """Return the one door to models, as the session uses it whose page asks.

    A question ends as soon as that page asks something else or has been left.
    """
    context = get_script_run_ctx()
    if context is None:
        return shared_service()
    from effnet_core.service.visitors import Visitor

    return shared_service().asked_by(Visitor(context.session_id, _still_wanted))


@st.cache_resource(show_spinner=False)
def shared_service() -> InferenceService:
    """The service of every session; pages ask through `service`.

    It answers in this process, or asks the engine whose address EFFNET_SERVICE is: one, or as many
    as EFFNET_ENGINE_COUNT says.
    """
    address = os.environ.get("EFFNET_SERVICE")
    if address:
        from effnet_core.service.remote.client import RemoteService
        from effnet_core.service.remote.spread import engine_count

        count = engine_count(os.environ.get("EFFNET_ENGINE_COUNT", "1"))
        return RemoteService(address, engines=count)
    from effnet_core.service import InferenceService
    from effnet_core.weights.store import WeightsStore

    return InferenceService(WeightsStore())


def _still_wanted() -> None:
    """Let Streamlit end this run of the page, if it is to: any look at the state does."""
    _ = "anything" in st.session_state


@st.cache_resource(show_spinner="Starting PyTorch …")
def training_jobs() -> TrainingJobs:
    """Return what knows all training runs, one for every session; the first call imports torch."""
    from effnet_core.service.training.jobs import TrainingJobs

    _freeze_torch()
    return TrainingJobs()


@st.cache_resource(show_spinner="Drawing the shapes …")
def drawn_photos() -> bytes:
    """The zip of drawn shapes, drawn once."""
    from effnet_core.datasets.drawn import drawn_zip

    return drawn_zip()


@st.cache_resource(show_spinner=False)
def calibration_job() -> CalibrationJob:
    """Return what calibrates this machine, one for every session."""
    return CalibrationJob()


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_CONTENT)
def cost_of(card: ModelCard) -> CostTotals:
    """What a model's network costs at its own size; raises as `service().spec`."""
    return summarize(service().spec(card.id))


@st.cache_resource(show_spinner=False)
def downloads() -> Downloads:
    """Return the downloads of weights that are under way, for every session."""
    return Downloads(shared_service().download)


@st.cache_resource(max_entries=256, show_spinner=False)
def reconciliation(variant: str) -> Reconciliation:
    """A published variant beside the paper's formula."""
    return reconcile(variant)


@st.cache_resource(max_entries=16, show_spinner=False)
def jumps(repeats: Rounding, family: str) -> tuple[DepthJump, ...]:
    """Every φ from 0 to 8 at which the formula with the paper's rule gains a block."""
    return depth_jumps(0.0, min(8.0, PHI_MAX), repeats=repeats, family=find_family(family))


@st.cache_resource(show_spinner=False)
def trained() -> tuple[tuple[MeasuredRun, ...], tuple[MeasuredMaps, ...]]:
    """What this project measured on networks of its own; raises InvalidInput for a damaged file."""
    from effnet_core.results.trained import measured_maps, measured_runs

    return measured_runs(), measured_maps()


@st.cache_resource(show_spinner=False)
def searches() -> tuple[SearchRecord, ...]:
    """What this project's searches found; raises InvalidInput for a damaged file."""
    from effnet_core.results.searched import searches

    return searches()


@st.cache_resource(max_entries=64, show_spinner=False)
def budget(
    limits: Limits, setting: Setting, tie: float, calibration: Calibration | None = None
) -> tuple[Answer, Answer, Answer]:
    """The largest φ, the free shape with the most multiply-adds, and one near compound scaling.

    Raises InvalidInput for limits that no network can meet, and CalibrationError for milliseconds
    of a batch that `calibration` does not know.
    """
    latency = None if calibration is None else calibration.predict
    free, near = (best_free(limits, setting, tie=share, latency=latency) for share in (0.0, tie))
    return largest_phi(limits, setting, latency=latency), free, near


@st.cache_resource(max_entries=32, show_spinner=False)
def verification(network: Network) -> Verification:
    """The computed cost beside fvcore's and torch's counts; raises as `InferenceService.verify`."""
    return service().verify(network.spec())


@st.cache_resource(max_entries=32, show_spinner=False)
def python_file(network: Network) -> str:
    """The network as a Python file that needs torch alone."""
    return service().untrained_python(network.spec())
