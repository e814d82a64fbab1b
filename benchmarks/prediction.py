"""Milliseconds predicted from a calibration of this machine, beside measured ones.

For B0–B4 and for the rule's networks from φ = −4 to 3, none of which a calibration times: one pass
of one picture on the default back end. The calibration stored for this machine is taken where there
is one that still holds; otherwise one is made for this table, and not stored.
"""

from __future__ import annotations

from benchmarks.limits import errors
from benchmarks.rows import Row
from effnet_core.latency import calibrate, check, standing

MEAN_PERCENT, WORST_PERCENT = 10.0, 25.0


def rows() -> tuple[Row, ...]:
    """The mean and the largest of the absolute errors, in percent of what was measured."""
    checked = check(standing().usable or calibrate()).checked
    percent = [100 * abs(one.error) for one in checked]
    name = f"predicted milliseconds, {len(percent)} networks never timed"
    return errors(name, percent, MEAN_PERCENT, WORST_PERCENT)
