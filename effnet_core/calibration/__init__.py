"""Milliseconds of any network on this machine: timed, calibrated, predicted with a band.

Needs no torch; the runtime is imported when something is timed.
"""

from __future__ import annotations

from effnet_core.calibration.fitting import (
    MIN_NETWORKS,
    LatencyModel,
    PredictedLatencies,
    PredictedLatency,
    TimedNetwork,
    fit,
)
from effnet_core.calibration.machine import ENGINE, Machine, this_machine
from effnet_core.calibration.measuring import SECONDS, calibrate, check, design, unseen
from effnet_core.calibration.record import (
    Calibration,
    CalibrationError,
    Compared,
    errors_of,
)
from effnet_core.calibration.store import COMMAND, Standing, default_path, save, standing
from effnet_core.calibration.terms import TERMS, terms, terms_of_each
from effnet_core.calibration.timing import LatencyMeasurement, Protocol, measure_runtime

__all__ = [
    "COMMAND",
    "ENGINE",
    "MIN_NETWORKS",
    "SECONDS",
    "TERMS",
    "Calibration",
    "CalibrationError",
    "Compared",
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
    "terms_of_each",
    "this_machine",
    "unseen",
]
