"""How a run ends before its end: asked to stop, or broken off, and what to do then."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from effnet_core.errors import EffnetError
from effnet_core.network.build import is_out_of_memory
from effnet_core.training.distributed import World, is_lost_peer
from effnet_core.training.recipe import Recipe

DIVERGED = (
    "The loss or the weights are no longer finite numbers at step {step:,}: training has diverged. "
    "Begin again with a lower learning_rate, a longer warm-up or a smaller clip_norm; "
    "checkpoint.pt holds the last finite state."
)
"""Said of a run that cannot come back; with the step."""


@contextmanager
def asked_to_stop(world: World) -> Iterator[list[int]]:
    """A list of the signals SIGTERM and Ctrl-C that came; a second Ctrl-C is as ever.

    Under `torchrun` it is not, which passes on a Ctrl-C that its processes got already; and after
    an error the signals stay without effect there, for when one process fails `torchrun` ends the
    others, which still have something to say.
    """
    wanted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield wanted  # only the main thread may set handlers
        return

    def note(number: int, frame: FrameType | None) -> None:
        if wanted and number == signal.SIGINT and world.size == 1:
            raise KeyboardInterrupt
        wanted.append(number)

    earlier = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    failed = True
    try:
        yield wanted
        failed = False
    finally:
        if world.size == 1 or not failed:
            for number, handler in earlier.items():
                signal.signal(number, handler)


def sentence(error: Exception, recipe: Recipe) -> str:
    """What happened, and what to do about it."""
    if isinstance(error, EffnetError):
        return str(error)
    if is_out_of_memory(error):
        if recipe.micro_batch < 4:
            return (
                "Memory ran out with the smallest possible part of a batch; take a smaller network."
            )
        return (
            f"Memory ran out with {recipe.micro_batch} photos at once; begin again with more "
            f"micro_batches (now {recipe.micro_batches}), which keeps the batch of {recipe.batch}."
        )
    if is_lost_peer(error):
        return (
            "Another process of this run is gone, and its own message says why; the run can be "
            "resumed from its last checkpoint."
        )
    reason = " ".join(str(error).split())[:300]
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        return f"torch.compile failed on this machine ({reason}); begin again without compiled."
    return f"The run broke off ({type(error).__name__}: {reason})."


def is_foreseen(error: Exception) -> bool:
    """Whether `sentence` tells all there is to know of `error`."""
    told = is_out_of_memory(error) or is_lost_peer(error)
    return told or type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))
