"""The process that trains what was ordered: `python -m effnet_core.training.runs.worker RUN STORE`.

It outlives whoever started it, stands back behind everything else on the machine, and puts the
finished network under the order's id among the weights in the folder STORE.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import WORKER, Ending, Order

if TYPE_CHECKING:
    from effnet_core.training.job import Job
    from effnet_core.training.runs.folder import RunFolder
    from effnet_core.weights import WeightsStore

NICENESS = 10


def main(arguments: list[str]) -> int:
    """Train in the folder of the first argument, or go on there; 0 unless that failed."""
    folder, root = map(Path, arguments)
    this = Process.of(os.getpid())
    assert this is not None
    this.record(folder / WORKER)
    stand_back()
    from effnet_core.weights import WeightsStore  # with torch: seconds

    order = None
    try:
        order = Order.read(folder)
        ending = carry_out(order, folder, WeightsStore(root))
    except Exception as error:  # noqa: BLE001 - nobody else is there to tell of it
        traceback.print_exc()
        ending = Ending("failed", _sentence(error, order, folder))
    with suppress(Exception):  # of a full disk; then the folder says less, and nothing false
        ending.write(folder)
    return int(ending.state == "failed")


def stand_back() -> None:
    """Let others go first on the processor, and be the first to go where memory runs out."""
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def carry_out(order: Order, path: Path, store: WeightsStore) -> Ending:
    """Train, or go on from the last checkpoint, and hand the result over; raises EffnetError."""
    from effnet_core.training import loop
    from effnet_core.training.distributed import joined
    from effnet_core.training.job import resumed_job
    from effnet_core.training.runs.folder import RunFolder

    folder = RunFolder(path)
    if folder.result() is None:
        resume = folder.exists
        with joined() as world:
            job = resumed_job(folder) if resume else new_job(order, folder, store)
            if loop.run(job, folder, world, resume=resume).state == "stopped":
                return Ending("stopped")
    _hand_over(order, folder, store)
    return Ending("finished")


def new_job(order: Order, folder: RunFolder, store: WeightsStore) -> Job:
    """The job as it begins; from scratch the classifier is 0. Raises EffnetError."""
    from effnet_core.training import job
    from effnet_core.weights import resolve_weights

    data, recipe = job.read_data(folder.path / job.OWN_DATA), order.recipe
    data = replace(data, name=order.source)
    if order.weights is not None:
        loaded = resolve_weights(order.weights, store)
        return job.fine_tuning_job(loaded, data, recipe, resolution=order.spec.resolution)
    model = job.zeroed_model(order.spec, recipe)
    return replace(job.new_job(order.spec, data, recipe), model=model)


def _hand_over(order: Order, folder: RunFolder, store: WeightsStore) -> None:
    """Put the finished weights into the store, unless they are there already."""
    if store.imported(order.id) is None:
        begun = f" from {order.weights}" if order.weights else ""
        store.import_file(
            folder.model,
            name=order.id,
            title=order.name,
            origin=f"trained here{begun} on {order.photos:,} photos ({order.source})",
        )


def _sentence(error: Exception, order: Order | None, folder: Path) -> str:
    """What happened, without the place of the run on this machine."""
    from effnet_core.training.interruption import sentence
    from effnet_core.training.recipe import Recipe

    told = sentence(error, order.recipe if order else Recipe())
    return told.replace(f"{folder}{os.sep}", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
