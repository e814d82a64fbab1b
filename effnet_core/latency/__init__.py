"""Milliseconds of any network on this machine: timed, calibrated, predicted with a band.

Needs no torch; the runtime is imported when something is timed.
"""

from __future__ import annotations

from effnet_core.latency.calibrating import SECONDS, calibrate, check, design, unseen
from effnet_core.latency.calibration import (
    Calibration,
    CalibrationError,
    Compared,
    Disturbance,
    errors_of,
)
from effnet_core.latency.fitting import (
    MIN_NETWORKS,
    LatencyModel,
    PredictedLatencies,
    PredictedLatency,
    TimedNetwork,
    fit,
)
from effnet_core.latency.machine import ENGINE, Machine, this_machine
from effnet_core.latency.measuring import LatencyMeasurement, Protocol, measure_runtime
from effnet_core.latency.store import COMMAND, Standing, default_path, save, standing
from effnet_core.latency.terms import TERMS, terms, terms_by_group, terms_of_each

__all__ = [
    "COMMAND",
    "ENGINE",
    "MIN_NETWORKS",
    "SECONDS",
    "TERMS",
    "Calibration",
    "CalibrationError",
    "Compared",
    "Disturbance",
    "LatencyMeasurement",
    "LatencyModel",
    "Machine",
    "PredictedLatencies",
    "PredictedLatency",
    "Protocol",
    "Standing",
    "TimedNetwork",
    "calibrate",
    "check",
    "default_path",
    "design",
    "errors_of",
    "fit",
    "measure_runtime",
    "save",
    "standing",
    "terms",
    "terms_by_group",
    "terms_of_each",
    "this_machine",
    "unseen",
]
