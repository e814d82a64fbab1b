"""Where the calibration of this machine is kept, and whether it still holds. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from effnet_core import files
from effnet_core.errors import InvalidInput, WeightsError
from effnet_core.latency.calibration import Calibration, CalibrationError
from effnet_core.latency.machine import Machine, this_machine
from effnet_core.limits import MAX_CALIBRATION_BYTES

COMMAND = "effnet calibrate"
_TRIAL_BYTES = 2**14  # twice what a calibration takes


@dataclass(frozen=True)
class Standing:
    """The calibration that is stored, None where there is none; `reason` says why none can be used.

    `reason` is empty where it can, and otherwise one sentence. A stale calibration is here with its
    reason, for people to see; it is not to be predicted from.
    """

    stored: Calibration | None
    reason: str

    @property
    def usable(self) -> Calibration | None:
        """The calibration, where it holds for this machine."""
        return None if self.reason else self.stored

    def require(self) -> Calibration:
        """The same; raises CalibrationError, with the command that helps, where there is none."""
        if self.usable is None:
            raise CalibrationError(
                f"{self.reason} No milliseconds are guessed: `{COMMAND}` times a few networks, "
                "which takes about a minute."
            )
        return self.usable


def standing(path: Path | None = None, machine: Machine | None = None) -> Standing:
    """What is stored for `machine`, by default this one, at `path`, by default `default_path()`."""
    path = path or default_path()
    try:
        state = path.stat()
    except OSError:
        return Standing(None, "This machine is not calibrated.")
    return _standing(path, machine or this_machine(), (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=8)
def _standing(path: Path, machine: Machine, version: tuple[int, int]) -> Standing:
    """`version` (time and size) stands for the file's content."""
    if version[1] > MAX_CALIBRATION_BYTES:
        return Standing(None, f"The calibration in {path} is damaged.")
    try:
        stored = Calibration.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InvalidInput):
        return Standing(None, f"The calibration in {path} is damaged or of another version.")
    changes = stored.machine.changes(machine)
    if changes:
        return Standing(
            stored, f"The calibration of {stored.made} is stale ({'; '.join(changes)})."
        )
    return Standing(stored, "")


def save(calibration: Calibration, path: Path | None = None) -> Path:
    """Keep a calibration in place of the one before, in one step; raises CalibrationError."""
    path = path or default_path()
    _write(path, calibration.to_json().encode())
    return path


def require_room(path: Path) -> None:
    """Raise CalibrationError where nothing can be kept at `path`: before minutes are spent."""
    trial = path.with_suffix(".trial")
    _write(trial, bytes(_TRIAL_BYTES))
    trial.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    try:
        files.write(path, data)
    except WeightsError as error:
        raise CalibrationError(
            f"The calibration cannot be kept: {error} EFFNET_CACHE names another folder for it."
        ) from error


def default_path() -> Path:
    """`calibration.json` under $EFFNET_CACHE or, unset, under the user's cache folder."""
    return files.cache_folder() / "calibration.json"
