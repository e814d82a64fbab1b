"""The folder of one run, read and written so that it is whole after any crash (see `run`)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
import torch

from effnet_core import __version__, files, host
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs import checkpoint
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import (
    CANCELLED,
    ENDED,
    ORDER,
    WORKER,
    Begun,
    Course,
    Ending,
    Order,
    Point,
    Result,
    Run,
    State,
    Status,
    read_if_whole,
)
from effnet_core.training.trainer import TrainingError

_LOCK_SECONDS = 2.0  # longer than it takes to look whether a folder is taken
_KILLED = (
    "The process that trained has ended without a word, as when somebody ends it or memory runs "
    "out. Resume it to go on from the last saved step."
)


class RunFolder:
    """Reads and writes the files of one run; raises TrainingError or WeightsError (full disk)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoint(self) -> Path:
        """Where the state of training lies."""
        return self.path / "checkpoint.pt"

    @property
    def before(self) -> Path:
        """Where the state lies that was saved before that one."""
        return self.path / "checkpoint-before.pt"

    @property
    def model(self) -> Path:
        """Where the finished weights lie."""
        return self.path / "model.safetensors"

    @property
    def metrics(self) -> Path:
        """Where the course of the run lies, as JSON lines: steps and epochs."""
        return self.path / "metrics.jsonl"

    @property
    def exists(self) -> bool:
        """Whether it holds a run that can be resumed; its recipe is what `begin` writes last."""
        return (self.path / "recipe.json").exists()

    def require_new(self) -> None:
        """Raise TrainingError if the folder holds a run already."""
        if self.exists:
            raise TrainingError(
                f"{self.path} holds a run already; resume it, or give another folder."
            )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only process that trains here; it ends with the process, however that ends.

        Raises TrainingError if another one does, WeightsError if the folder cannot be written.
        """
        taken = TrainingError(
            f"Another process is training in {self.path}; wait for it or stop it."
        )
        with alone(self.path / ".lock", taken, seconds=_LOCK_SECONDS):
            for part in self.path.glob(".*.part"):  # of writers that were killed
                part.unlink(missing_ok=True)
            yield

    def begin(
        self,
        spec: ArchitectureSpec,
        recipe: Recipe,
        about: Mapping[str, Any],
        state: dict[str, Any],
    ) -> None:
        """Write down what is asked and the state it starts from; `exists` is true from then on."""
        files.write_json(self.path / "spec.json", spec.to_dict())
        files.write_json(self.path / "run.json", about)
        files.write(self.metrics, b"")
        self.save_state(state)
        files.write_json(self.path / "recipe.json", recipe.to_dict())

    def begun(self) -> Begun:
        """What `begin` was told; raises TrainingError where there is no run, or a damaged one."""
        recipe, spec, about = map(self._values, ("recipe.json", "spec.json", "run.json"))
        try:
            return Begun(
                recipe=Recipe.from_dict(recipe), spec=ArchitectureSpec.from_dict(spec), about=about
            )
        except (InvalidInput, LookupError, TypeError) as error:
            raise TrainingError(_damaged(self.path, str(error))) from None

    def write_status(self, status: Status) -> None:
        """Replace the status in one step."""
        files.write_json(self.path / "status.json", status)

    def status(self) -> Status | None:
        """The status last written; None where there is none that can be read."""
        return read_if_whole(self.path / "status.json", Status)

    def add_metric(self, metric: Mapping[str, Any]) -> None:
        """Add one line to the metrics."""
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(_line(metric))
        except OSError as error:
            raise files.storage_error(error, self.metrics) from error

    def read_metrics(self) -> tuple[dict[str, Any], ...]:
        """The metrics so far; damaged lines and a last one that is not whole are left out."""
        return tuple(metric for metric in self._lines() if metric is not None)

    def points(self) -> Course:
        """The course of the run so far, as it is shown."""
        points, damaged = [], 0
        for metric in self._lines():
            try:
                points.append(Point.of(metric or {}))
            except (LookupError, TypeError, AttributeError):
                damaged += 1
        return Course(points=tuple(points), damaged=damaged)

    def _lines(self) -> Iterator[dict[str, Any] | None]:
        """Every whole line of the metrics; None for one that is not as it was written."""
        try:
            data = self.metrics.read_bytes()
        except OSError:
            return
        for line in data.splitlines(keepends=True):
            # One that is being written has no seal yet.
            if line.endswith(b"\n") or files.SEAL.encode() in line:
                try:
                    yield dict(files.unsealed(files.parse_json(line)))
                except (ValueError, TypeError):
                    yield None

    def keep_metrics_until(self, step: int) -> None:
        """Forget the metrics past `step`: they belong to work that a crash undid."""
        kept = [metric for metric in self.read_metrics() if metric.get("step", step + 1) <= step]
        files.write(self.metrics, "".join(map(_line, kept)).encode())

    def save_state(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint in one step; the one before stays beside it as a way back."""
        checkpoint.save(self.checkpoint, self.before, state)

    def load_state(self, device: torch.device) -> dict[str, Any] | None:
        """The checkpoint, or None where none was written yet.

        A damaged one gives way to the one before it; raises TrainingError where that is no better.
        """
        return checkpoint.load((self.checkpoint, self.before), device)

    def damaged(self) -> tuple[str, ...]:
        """The names of the run's JSON files that are not as they were written."""
        names = []
        for path in sorted(self.path.glob("*.json")):
            try:
                files.read_json(path)
            except ValueError:
                names.append(path.name)
            except OSError:
                continue
        return tuple(names)

    def write_result(self, result: Result) -> None:
        """Write down what came out."""
        files.write_json(self.path / "result.json", result)

    def result(self) -> Result | None:
        """What came out, or None as long as the run is not finished."""
        return read_if_whole(self.path / "result.json", Result)

    def _values(self, name: str) -> dict[str, Any]:
        try:
            return dict(files.read_json(self.path / name))
        except OSError as error:
            raise TrainingError(
                f"{self.path} holds no run ({name}: {error.strerror}); give a run's folder."
            ) from None
        except (ValueError, TypeError) as error:
            raise TrainingError(_damaged(self.path / name, str(error))) from None


def _damaged(path: Path, why: str) -> str:
    return f"{path} is damaged ({why.rstrip('.')}); begin again."


def _line(metric: Mapping[str, Any]) -> str:
    return json.dumps(files.seal(dict(metric))) + "\n"


def read_run(path: Path) -> Run:
    """The run in the folder `path`, as it stands; one that cannot be read is a failed run."""
    process = Process.recorded(path / WORKER)
    # Looked at first: a process that ends afterwards has written its ending by then.
    alive = process if process is not None and process.alive else None
    folder = RunFolder(path)
    order, status, begun = None, folder.status(), None
    with suppress(EffnetError):
        begun = folder.begun()
    try:
        order = Order.read(path)
        state, sentence = _state(path, alive, status)
    except InvalidInput as error:
        state, sentence = "running" if alive else "failed", str(error)
        if status is not None and not (path / ORDER).exists():  # begun by a command
            state, sentence = status.state, status.sentence
    return Run(
        id=path.name,
        state=state,
        sentence=sentence,
        order=order,
        begun=begun,
        status=status,
        result=folder.result(),
        damaged=folder.damaged(),
    )


def _state(path: Path, alive: Process | None, status: Status | None) -> tuple[State, str]:
    """State and sentence of a run that was ordered."""
    ending, cancelled = read_if_whole(path / ENDED, Ending), (path / CANCELLED).exists()
    if ending is not None:
        return ending.state, ending.sentence
    if alive is not None:
        trains = status is not None and status.pid == alive.pid
        return ("stopping" if cancelled else "running" if trains else "starting"), ""
    return ("stopped", "") if cancelled else ("failed", _KILLED)


@contextmanager
def alone(lock: Path, taken: EffnetError, *, seconds: float = 0.0) -> Iterator[None]:
    """Hold `lock` among all processes; a process that ends in whatever way lets go of it.

    Raises `taken` where another holds it for so many seconds more, and WeightsError where its
    folder cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(lock, timeout=seconds).acquire()
    except filelock.Timeout:
        raise taken from None
    except OSError as error:
        raise files.storage_error(error, lock.parent) from error
    with held:
        yield


def environment(device: torch.device) -> dict[str, Any]:
    """What a result depends on besides recipe and photos."""
    on_cuda = device.type == "cuda"
    return {
        "effnet": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if on_cuda else host.processor(),
        "threads": torch.get_num_threads(),
        "pid": os.getpid(),
    }
