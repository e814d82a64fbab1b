"""Making the calibration that is kept: one at a time on a machine, whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import filelock

from effnet_core.errors import Busy
from effnet_core.latency.calibrating import Progress, calibrate, check
from effnet_core.latency.calibration import Calibration, CalibrationError
from effnet_core.latency.store import default_path, require_room, save, standing

Task = Literal["calibrate", "check"]
TASKS: tuple[Task, ...] = ("calibrate", "check")


def make(task: Task, progress: Progress | None = None, path: Path | None = None) -> Calibration:
    """Calibrate this machine, or check the calibration that it has; keep it and return it.

    A calibration that other programs made slower than the one before is passed over. A check of a
    machine without a usable calibration calibrates it first. Raises Busy while another
    process does either, and CalibrationError where the result cannot be kept.
    """
    path = path or default_path()
    with _alone(path):
        require_room(path)
        usable = standing(path).usable
        if task == "calibrate" or usable is None:
            made = calibrate(progress)
            usable = usable.quieter(made) if usable else made
            save(usable, path)
        if task == "check":
            usable = check(usable, progress)
            save(usable, path)
    return usable


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two at a time would disturb each other's timings."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_suffix(".lock"), timeout=0):
            yield
    except filelock.Timeout:
        raise Busy("This machine is being calibrated already; wait until that is done.") from None
    except OSError as error:
        raise CalibrationError(
            f"The calibration cannot be kept in {path.parent} ({error.strerror}); point "
            "EFFNET_CACHE to another folder."
        ) from error
