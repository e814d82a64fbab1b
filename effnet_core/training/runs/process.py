"""A process by more than its number, which the system gives to another one later."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Process:
    """A process of this machine: its number, and when it was born (boot and clock tick)."""

    pid: int
    born: str

    @staticmethod
    def of(pid: int) -> Process | None:
        """The process that has the number `pid` now; None where none lives.

        One that has ended and is not yet waited for by its parent does not live.
        """
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            boot = _BOOT.read_text(encoding="ascii").strip()
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()  # the name before may hold anything
        state, start = fields[0], fields[19]
        return None if state in "ZX" else Process(pid, f"{boot} {start}")

    @staticmethod
    def recorded(file: Path) -> Process | None:
        """What `record` wrote; None where nothing readable stands there."""
        try:
            return Process(**json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def record(self, file: Path) -> None:
        """Write it down, in one step; raises OSError."""
        part = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            part.write_text(json.dumps(asdict(self)), encoding="ascii")
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)

    @property
    def alive(self) -> bool:
        """Whether this very process lives."""
        return Process.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this process, never to a later one of its number; False if it is gone.

        Raises PermissionError for another user's process.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive:
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True
