"""What a calibration holds for: a processor, a runtime, so many threads. No torch is needed."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.metadata import version

from effnet_core.engines.onnx.session import ENGINE_VERSION
from effnet_core.host import available_cores, processor_model

ENGINE = "ONNX Runtime"
"""The default back end on a CPU."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Everything that milliseconds depend on besides the network and the batch.

    `processors` are all that the system shows, `threads` those that one pass runs on. `engine` is
    the runtime with its version, `settings` the version of this project's graphs and sessions.
    """

    processor: str
    processors: int
    system: str
    engine: str
    settings: str
    threads: int

    def changes(self, other: Machine) -> tuple[str, ...]:
        """In words, what is different on `other`; empty where nothing is."""
        pairs = ((f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return tuple(f"{name} {was} → {now}" for name, was, now in pairs if was != now)

    @property
    def title(self) -> str:
        """The machine in a few words."""
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        return f"{self.processor}, {threads}, {self.engine}"


def this_machine() -> Machine:
    """The machine that this process runs on, as the default back end uses it."""
    return Machine(
        processor=processor_model(),
        processors=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        engine=_engine(),
        settings=ENGINE_VERSION,
        threads=available_cores(),
    )


@lru_cache(maxsize=1)
def _engine() -> str:
    """From the installed package's record: importing the runtime takes 40 MB."""
    return f"{ENGINE} {version('onnxruntime')}"
