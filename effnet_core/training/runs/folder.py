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
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import (
    CANCELLED,
    ENDED,
    ORDER,
    WORKER,
    Begun,
    Ending,
    Order,
    Point,
    Result,
    Run,
    State,
    Status,
    read_if_whole,
    write_json,
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
        self._write("spec.json", spec.to_json())
        write_json(self.path / "run.json", about)
        self._write("metrics.jsonl", "")
        self.save_state(state)
        self._write("recipe.json", recipe.to_json())

    def begun(self) -> Begun:
        """What `begin` was told; raises TrainingError where there is no run, or a damaged one."""
        recipe, spec = self._text("recipe.json"), self._text("spec.json")
        try:
            about = dict(json.loads(self._text("run.json")))
        except (ValueError, TypeError):
            raise TrainingError(f"{self.path / 'run.json'} is damaged; begin again.") from None
        return Begun(
            recipe=Recipe.from_json(recipe), spec=ArchitectureSpec.from_json(spec), about=about
        )

    def write_status(self, status: Status) -> None:
        """Replace the status in one step."""
        write_json(self.path / "status.json", status)

    def status(self) -> Status | None:
        """The status last written; None where there is none that can be read."""
        return read_if_whole(self.path / "status.json", Status)

    def add_metric(self, metric: Mapping[str, Any]) -> None:
        """Add one line to the metrics."""
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(metric)) + "\n")
        except OSError as error:
            raise files.storage_error(error, self.metrics) from error

    def read_metrics(self) -> tuple[dict[str, Any], ...]:
        """The metrics so far; a last line that is not whole yet is left out."""
        try:
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
        except OSError:
            return ()
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return tuple(found)

    def points(self) -> tuple[Point, ...]:
        """The course of the run so far, as it is shown."""
        points = []
        for metric in self.read_metrics():
            with suppress(LookupError, TypeError, AttributeError):
                points.append(Point.of(metric))
        return tuple(points)

    def keep_metrics_until(self, step: int) -> None:
        """Forget the metrics past `step`: they belong to work that a crash undid."""
        kept = [metric for metric in self.read_metrics() if metric["step"] <= step]
        self._write("metrics.jsonl", "".join(json.dumps(metric) + "\n" for metric in kept))

    def save_state(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint in one step."""
        files.sweep(self.checkpoint)
        with files.placing(self.checkpoint) as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch raises its own over that of a full disk
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    def load_state(self, device: torch.device) -> dict[str, Any] | None:
        """The checkpoint, or None where none was written yet; raises TrainingError if damaged."""
        if not self.checkpoint.exists():
            return None
        try:
            return dict(torch.load(self.checkpoint, map_location=device, weights_only=True))
        except Exception as error:
            raise TrainingError(
                f"{self.checkpoint} cannot be read ({type(error).__name__}); the run has to begin "
                "again in another folder."
            ) from error

    def write_result(self, result: Result) -> None:
        """Write down what came out."""
        write_json(self.path / "result.json", result)

    def result(self) -> Result | None:
        """What came out, or None as long as the run is not finished."""
        return read_if_whole(self.path / "result.json", Result)

    def _write(self, name: str, text: str) -> None:
        files.write(self.path / name, text.encode())

    def _text(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                f"{self.path} holds no run ({name}: {error.strerror}); give a run's folder."
            ) from None


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
