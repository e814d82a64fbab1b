"""A process by more than its number, which the system gives to another one later."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from effnet_core import files
from effnet_core.training.runs.run import read_if_whole


@dataclass(frozen=True)
class Process:
    """A process of this machine: its number, and when it was born, in seconds after the start."""

    pid: int
    born: str

    @staticmethod
    def of(pid: int) -> Process | None:
        """The process that has the number `pid` now; None where none lives.

        One that has ended and is not yet waited for by its parent does not live.
        """
        try:
            started = psutil.boot_time()  # so that setting the clock changes nothing
            found = psutil.Process(pid)
            ended = found.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            return None if ended else Process(pid, f"{found.create_time() - started:.2f}")
        except psutil.Error:
            return None

    @staticmethod
    def recorded(file: Path) -> Process | None:
        """What `record` wrote; None where nothing readable stands there."""
        return read_if_whole(file, Process)

    def record(self, file: Path) -> None:
        """Write it down, in one step; raises WeightsError."""
        files.write_json(file, self)

    @property
    def alive(self) -> bool:
        """Whether this very process lives."""
        return Process.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this process, never to a later one of its number; False if it is gone.

        Raises PermissionError for another user's process.
        """
        try:
            found = psutil.Process(self.pid)
            if not self.alive:
                return False
            found.send_signal(number)  # looks once more whether the number is still that process's
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied as error:
            raise PermissionError(str(error)) from None
        return True
