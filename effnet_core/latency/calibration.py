"""A calibration of one machine, as it is kept; and what networks never timed said of it."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.files import (
    Amount,
    Number,
    Positive,
    Unfit,
    conform,
    of_format,
    parse_json,
    seal,
    unsealed,
)
from effnet_core.latency.fitting import LatencyModel, PredictedLatency
from effnet_core.latency.machine import ENGINE, Machine
from effnet_core.latency.measuring import LatencyMeasurement
from effnet_core.latency.terms import TERMS

FORMAT = "effnet-calibration/1"


class CalibrationError(EffnetError):
    """There is no calibration that can be used, or one cannot be made or kept."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A network's prediction, made without its own time, beside its measurement.

    `median_ms`, `low_ms` and `high_ms` are the median and the quartiles of `runs` runs.
    """

    name: str
    resolution: int
    predicted_ms: Number
    median_ms: Positive
    low_ms: Number
    high_ms: Number
    runs: int

    @staticmethod
    def of(spec: ArchitectureSpec, predicted: float, measured: LatencyMeasurement) -> Compared:
        """`spec` with both."""
        return Compared(
            name=spec.name,
            resolution=spec.resolution,
            predicted_ms=predicted,
            median_ms=measured.median_ms,
            low_ms=measured.low_ms,
            high_ms=measured.high_ms,
            runs=measured.repeats,
        )

    @property
    def error(self) -> float:
        """Predicted / measured - 1."""
        return self.predicted_ms / self.median_ms - 1


BUSY_SPREAD, BUSY_CORES = 0.10, 0.25
"""Past either, other programs disturbed the timings too much for them to be the network's own."""


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How much other programs disturbed a calibration of the day `made`.

    `spread` is by how much the slowest visit to a network is above its quietest, of the middle
    network; `others` is how many cores other programs took meanwhile, on average.
    """

    made: str
    spread: Amount
    others: Amount

    @property
    def busy(self) -> bool:
        """Whether the timings are to be repeated when the machine is idle."""
        return self.spread > BUSY_SPREAD or self.others > BUSY_CORES

    @property
    def words(self) -> str:
        """The same as people read it."""
        return (
            f"visits to a network differed by {100 * self.spread:.0f} %, other programs took "
            f"{self.others:.1f} cores"
        )


def errors_of(compared: Sequence[Compared]) -> tuple[float, float]:
    """Mean and largest absolute relative error; at least one network."""
    errors = [abs(one.error) for one in compared]
    return statistics.fmean(errors), max(errors)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was timed on one machine, and the model that it gave.

    `made` is the day, as 2026-01-31; `seconds` is how long it took. `timed` are the networks of the
    fit, each predicted from the others; `checked` are networks that were never part of it, empty
    unless `calibrating.check` was asked for. `disturbance` is None in files of earlier versions;
    `passed_over` is a later calibration that was busier and is not used.
    """

    machine: Machine
    made: str
    seconds: Amount
    model: LatencyModel
    timed: Annotated[tuple[Compared, ...], Meta(min_length=1)]
    checked: tuple[Compared, ...] = ()
    disturbance: Disturbance | None = None
    passed_over: Disturbance | None = None

    @property
    def busy(self) -> bool:
        """Whether other programs are known to have disturbed it."""
        return self.disturbance is not None and self.disturbance.busy

    def quieter(self, new: Calibration) -> Calibration:
        """`new`, unless it was busy and slower on the same networks: then this one, saying so."""
        times = {(one.name, one.resolution): one.median_ms for one in self.timed}
        pairs = [
            (times[key], one.median_ms)
            for one in new.timed
            if (key := (one.name, one.resolution)) in times
        ]
        slower = sum(before for before, _ in pairs) < sum(now for _, now in pairs)
        if new.busy and slower:
            return dataclasses.replace(self, passed_over=new.disturbance)
        return new

    def predict(
        self, spec: ArchitectureSpec, batch: int = 1, back_end: str = ENGINE
    ) -> PredictedLatency:
        """Milliseconds of one float32 pass on the default back end.

        Raises CalibrationError for a batch or a back end other than the one that was timed.
        """
        if batch != 1:
            raise CalibrationError(
                f"The calibration of this machine is for a batch of 1, not {batch:,}: milliseconds "
                "of other batches are measured (`effnet latency --measure --batch`), not predicted."
            )
        if back_end != ENGINE:
            raise CalibrationError(
                f"The calibration of this machine is for {ENGINE}, not {back_end[:40]!r}: "
                "milliseconds of other back ends are measured on Compare, not predicted."
            )
        return self.model.predict(spec)

    def to_json(self) -> str:
        """As JSON text, readable by `from_json`."""
        fields = dataclasses.asdict(self)
        coefficients = dict(zip(TERMS, self.model.coefficients, strict=True))
        fields["model"]["coefficients"] = coefficients
        return json.dumps(seal({"format": FORMAT, **fields}), indent=1)

    @staticmethod
    def from_json(text: str) -> Calibration:
        """Read what `to_json` wrote; raises InvalidInput for anything else."""
        try:
            fields = of_format(unsealed(parse_json(text)), FORMAT)
            of_terms = fields["model"]["coefficients"]
            fields["model"]["coefficients"] = [of_terms[term] for term in TERMS]
            fields["machine"].setdefault("settings", "unknown")  # not kept by earlier versions
            found = conform(fields, Calibration)
            if not any(found.model.coefficients):
                raise Unfit("it predicts 0 ms for every network")
            if len(found.model.held_out_errors) != len(found.timed):
                raise Unfit("it lacks the error of a network that was timed")
        except (ValueError, TypeError, LookupError, AttributeError):
            raise InvalidInput("This is no calibration that this version reads.") from None
        return found
