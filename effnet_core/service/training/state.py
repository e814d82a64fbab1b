"""How a run stands, read from its folder alone."""

from __future__ import annotations

from pathlib import Path

from effnet_core.errors import InvalidInput
from effnet_core.service.training.views import Run, RunState
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.order import Ending, Order
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.worker import WORKER
from effnet_core.weights import WeightsStore

CANCELLED = "cancelled"
"""A file in the folder of a run that somebody has asked to stop, until it is resumed."""

_KILLED = (
    "The process that trained has ended without a word, as when somebody ends it or memory runs "
    "out. Resume it to go on from the last saved step."
)


def read_run(folder: Path, store: WeightsStore) -> Run:
    """The run in `folder`; one whose record cannot be read is a failed run that says so."""
    process = Process.recorded(folder / WORKER)
    # Looked at first: a process that ends afterwards has written its ending by then.
    alive = process if process is not None and process.alive else None
    try:
        order = Order.read(folder)
    except InvalidInput as error:
        return Run(id=folder.name, state="running" if alive else "failed", sentence=str(error))
    status = RunFolder(folder).status()
    state, sentence = _state(folder, alive, None if status is None else status.pid)
    return Run(
        id=folder.name,
        state=state,
        sentence=sentence,
        order=order,
        status=status,
        model=store.imported(folder.name) is not None,
    )


def _state(folder: Path, alive: Process | None, pid: int | None) -> tuple[RunState, str]:
    """State and sentence; `pid` is that of the process that wrote the last status."""
    ending, cancelled = Ending.read(folder), (folder / CANCELLED).exists()
    if ending is not None:
        return ending.state, ending.sentence
    if alive is not None:
        begun = alive.pid == pid
        return ("stopping" if cancelled else "running" if begun else "starting"), ""
    return ("stopped", "") if cancelled else ("failed", _KILLED)
