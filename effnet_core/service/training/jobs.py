"""`TrainingJobs`: runs that are trained by a process of their own and outlive the server.

Every run has a folder (see `training.runs.run`), and nothing about a run is kept in memory: whoever
looks at the folder, after a restart or from a second server, sees the same.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import platformdirs

from effnet_core import files
from effnet_core.datasets.prepare import Progress
from effnet_core.datasets.splits import FoldersAre
from effnet_core.errors import Busy, EffnetError, InvalidInput
from effnet_core.limits import RunLimits
from effnet_core.service.training.names import RUN_ID
from effnet_core.service.training.orders import (
    Contents,
    Estimate,
    Wish,
    draw_up,
    estimate,
    look,
)
from effnet_core.training.runs.folder import RunFolder, alone, read_run
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import CANCELLED, ENDED, LOG, WORKER, Course, Order, Run
from effnet_core.weights import WeightsStore

PATIENCE_SECONDS = 20.0
"""How long after a first `cancel` a second one ends the process at once."""

_NEW, _GONE = ".new-", ".gone-"
_MODULE = "effnet_core.training.runs.worker"
_PACKAGE = Path(__file__).parents[3]  # where the worker finds the same effnet_core
# Threads that spin while they wait for one another hold up those who should work: on two busy cores
# 8 photos/s were trained with them, and 76 with threads that sleep.
_PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}


class TrainingJobs:
    """The runs in a folder; one of them at most is trained at a time, also among several servers.

    `root` defaults to `default_root()`; finished networks go into `store` under the run's id.
    Safe to use from several threads and processes. Making one touches no disk.
    """

    def __init__(
        self,
        root: Path | str | None = None,
        store: WeightsStore | None = None,
        *,
        limits: RunLimits | None = None,
    ) -> None:
        self.root = Path(root if root is not None else default_root()).absolute()
        self.limits = limits or RunLimits()
        self._store = store or WeightsStore()

    def runs(self) -> tuple[Run, ...]:
        """All runs, the latest first."""
        found = [self._read(folder) for folder in self._folders()]
        return tuple(sorted(found, key=_when, reverse=True))

    def status(self, run_id: str) -> Run:
        """One run as it stands; raises InvalidInput for an id that is none."""
        return self._read(self._folder(run_id))

    def course(self, run_id: str) -> Course:
        """The course of a run so far; raises InvalidInput for an id that is none."""
        return RunFolder(self._folder(run_id)).points()

    def weights_file(self, run_id: str) -> Path | None:
        """Where the finished weights lie; None before."""
        path = RunFolder(self._folder(run_id)).model
        return path if path.is_file() else None

    def look(self, upload: bytes, folders_are: FoldersAre | None = None) -> Contents:
        """What an uploaded zip holds, quickly; raises what `orders.look` raises."""
        return look(upload, self.limits, folders_are)

    def estimate(self, wish: Wish, photos: int) -> Estimate | None:
        """How long it would take by the latest run here that did the same work a photo, if any."""
        return estimate(wish, photos, self.runs(), self._store)

    def start(
        self,
        upload: bytes,
        wish: Wish,
        *,
        progress: Progress = lambda done, total: None,
    ) -> str:
        """Check and prepare the zip's photos, then start to train; the new run's id.

        Only the prepared squares are kept of the upload. `progress(done, total)` counts photos;
        what it raises ends the preparation. Raises Busy while a run is trained or being prepared,
        DataError, InvalidInput, DoesNotFit or WeightsError; then nothing is left behind.
        """
        with self._alone():
            self._require_turn()
            if len(self.runs()) >= self.limits.runs:
                raise InvalidInput(
                    f"{self.limits.runs} runs are kept here, which is as many as there may be; "
                    "remove one that is no longer needed."
                )
            order = self._prepared(upload, wish, progress)
            self._spawn(self.root / order.id)
            return order.id

    def cancel(self, run_id: str) -> None:
        """Ask the process to save and stop; one that still lives PATIENCE_SECONDS later is ended.

        Nothing happens to a run that is not live. Raises InvalidInput for an id that is none.
        """
        folder = self._folder(run_id)
        process = Process.recorded(folder / WORKER)
        if process is None or not self._read(folder).live:
            return
        marker = folder / CANCELLED
        late = False
        with suppress(OSError):
            late = marker.exists() and time.time() - marker.stat().st_mtime > PATIENCE_SECONDS
            marker.touch(exist_ok=False)
        with suppress(PermissionError):
            process.send(signal.SIGKILL if late else signal.SIGTERM)

    def resume(self, run_id: str) -> None:
        """Go on from the last saved step; raises Busy while a run is trained, InvalidInput."""
        with self._alone():
            folder = self._folder(run_id)
            self._require_turn()
            if not self._read(folder).resumable:
                raise InvalidInput("This run is finished or cannot be read; begin a new one.")
            self._spawn(folder)

    def remove(self, run_id: str) -> None:
        """Delete a run with its photos, and its network from the weights.

        Raises InvalidInput for an id that is none or a run under way, WeightsError or Busy.
        """
        with self._alone():
            folder = self._folder(run_id)
            if self._read(folder).live:
                raise InvalidInput("This run is being trained; cancel it before removing it.")
            if self._store.imported(run_id) is not None:
                self._store.remove(run_id)
            try:
                gone = folder.rename(self.root / f"{_GONE}{run_id}")
            except OSError as error:
                raise files.storage_error(error, folder) from error
            shutil.rmtree(gone, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        try:
            entries = list(os.scandir(self.root))
        except FileNotFoundError:
            return
        except OSError as error:
            raise files.storage_error(error, self.root) from error
        for entry in entries:
            if RUN_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)

    def _folder(self, run_id: str) -> Path:
        """The folder of a run: never anything outside `root`, since an id holds no path."""
        folder = self.root / run_id if RUN_ID.fullmatch(run_id) else None
        if folder is None or folder.is_symlink() or not folder.is_dir():
            raise InvalidInput(f"There is no run called {run_id[:60]!r} here; it may be removed.")
        return folder

    def _read(self, folder: Path) -> Run:
        return replace(read_run(folder), model=self._store.imported(folder.name) is not None)

    def _prepared(self, upload: bytes, wish: Wish, progress: Progress) -> Order:
        """The order, in a folder of its own that appears whole or not at all."""
        names = {run.name for run in self.runs()} | {s.title for s in self._store.listing()}
        place = self.root / f"{_NEW}{os.getpid()}"
        try:
            place.mkdir()
            order = draw_up(
                upload,
                wish,
                place,
                store=self._store,
                limits=self.limits,
                taken=names,
                progress=progress,
            )
            place.rename(self.root / order.id)
        except OSError as error:
            raise files.storage_error(error, place) from error
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return order

    def _require_turn(self) -> None:
        """Raise Busy while a run is trained."""
        live = next((run for run in self.runs() if run.live), None)
        if live is not None:
            raise Busy(
                f"“{live.name}” is being trained, and one run at a time is what this machine "
                "takes; cancel it or wait for its end."
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one, among all processes, that begins or removes runs; raises Busy."""
        taken = Busy("Somebody else's run is being prepared; try again when its photos are read.")
        with alone(self.root / ".lock", taken):
            for left in self.root.glob(".*-*"):  # of servers that were killed
                if left.name.startswith((_NEW, _GONE)):
                    shutil.rmtree(left, ignore_errors=True)
            yield

    def _spawn(self, folder: Path) -> None:
        """Start the process that trains in `folder`; raises EffnetError."""
        try:
            for name in (ENDED, CANCELLED, WORKER):
                (folder / name).unlink(missing_ok=True)
            with (folder / LOG).open("wb") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", _MODULE, str(folder), str(self._store.root.absolute())],
                    cwd=_PACKAGE,
                    env=_PATIENT_THREADS | os.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            threading.Thread(target=child.wait, daemon=True).start()
            process = Process.of(child.pid)
            if process is not None:
                process.record(folder / WORKER)
        except OSError as error:
            raise EffnetError(
                f"The process that trains could not be started ({error.strerror}); resume the run "
                "later."
            ) from error


def default_root() -> Path:
    """$EFFNET_RUNS or, unset, `runs/` under the user's data folder."""
    runs = os.environ.get("EFFNET_RUNS")
    return Path(runs).expanduser() if runs else platformdirs.user_data_path("effnet") / "runs"


def _when(run: Run) -> tuple[str, str]:
    return (run.order.created if run.order else "", run.id)
