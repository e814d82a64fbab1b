"""A calibration that goes on in a process of its own while a server answers others.

The server's memory stays small and its own work does not lie on the timings' thread. What the
process makes is kept by `store`; here is only how far it is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from effnet_core.errors import Busy, EffnetError
from effnet_core.latency.making import Task

THREAD = "calibration"
"""The name of the thread that follows a job."""

_PACKAGE = Path(__file__).parents[2]
_LOST = "The calibration ended before it was done; try again."


@dataclass(frozen=True, kw_only=True)
class JobState:
    """How far the job is; `error` is the sentence of the last one, empty where it went well."""

    task: Task = "calibrate"
    running: bool = False
    share: float = 0.0
    doing: str = ""
    error: str = ""


class CalibrationJob:
    """At most one calibration at a time; any number of threads may look at it."""

    def __init__(self, command: Callable[[Task], Sequence[str]] | None = None) -> None:
        self._command = command or _command
        self._lock = threading.Lock()
        self._state = JobState()

    @property
    def state(self) -> JobState:
        """How far it is now."""
        return self._state

    def start(self, task: Task) -> None:
        """Begin; raises Busy while one goes on, and EffnetError where no process can be started."""
        with self._lock:
            if self._state.running:
                raise Busy("This machine is being calibrated already; wait until that is done.")
            try:
                child = subprocess.Popen(
                    self._command(task),
                    cwd=_PACKAGE,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            except OSError as error:
                raise EffnetError(
                    f"The calibration could not be started ({error.strerror}); try again later."
                ) from error
            self._state = JobState(task=task, running=True)
        follower = threading.Thread(target=self._follow, args=(child,), name=THREAD, daemon=True)
        follower.start()

    def _follow(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        error = self._read(child.stdout)
        if child.wait() != 0 and not error:
            error = _LOST
        self._state = replace(self._state, running=False, share=1.0, error=error)

    def _read(self, lines: IO[str]) -> str:
        """Keep up with what the process tells; returns its error."""
        error = ""
        for line in lines:
            with suppress(ValueError, TypeError, AttributeError):
                fields = json.loads(line)
                error = str(fields.get("error", error))
                share = float(fields.get("share", self._state.share))
                doing = str(fields.get("doing", self._state.doing))
                self._state = replace(self._state, share=share, doing=doing)
        return error


def _command(task: Task) -> Sequence[str]:
    return (sys.executable, "-m", "effnet_core.latency", task)
