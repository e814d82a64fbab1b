"""What somebody asked to be trained, written down for the process that trains it.

order.json lies in the folder of the run (see run_folder), and beside it what is known of that
process: worker.json (which one it is), ended.json (how it ended), worker.log (its tracebacks).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from effnet_core import files
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.limits import MAX_ORDER_BYTES
from effnet_core.training.recipe import Recipe

ORDER, ENDED = "order.json", "ended.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """A run that was asked for: a network, its photos and how to train it.

    `id` names the folder, `name` is for people, `created` is in ISO 8601 (UTC). The network begins
    from `weights`, an id, or from scratch where that is None; `phi` is the formula's, None for
    weights. `photos` were prepared for it, `left_out` more could not be read; `source` says in
    words where they are from.
    """

    id: str
    name: str
    created: str
    source: str
    photos: int
    left_out: int
    classes: tuple[str, ...]
    phi: float | None
    weights: str | None
    weights_title: str
    spec: ArchitectureSpec
    recipe: Recipe

    def write(self, folder: Path) -> None:
        """Put it into the folder; raises WeightsError."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values = fields | {"spec": json.loads(self.spec.to_json()), "recipe": self.recipe.to_dict()}
        files.write(folder / ORDER, json.dumps(values, indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> Order:
        """What `write` wrote; raises InvalidInput if it cannot be read."""
        try:
            values = read_json(folder / ORDER)
            values["spec"] = ArchitectureSpec.from_json(json.dumps(values["spec"]))
            values["recipe"] = Recipe.from_dict(values["recipe"])
            values["classes"] = tuple(map(str, values["classes"]))
            return cls(**values)
        except (OSError, ValueError, TypeError, LookupError, EffnetError) as error:
            raise InvalidInput(
                f"The record of the run {folder.name} cannot be read ({error}); remove the run."
            ) from None


@dataclass(frozen=True)
class Ending:
    """How a process ended that trained: `sentence` says why it failed."""

    state: Literal["finished", "stopped", "failed"]
    sentence: str = ""

    def write(self, folder: Path) -> None:
        """Put it into the folder; raises WeightsError."""
        files.write(folder / ENDED, json.dumps(asdict(self)).encode())

    @classmethod
    def read(cls, folder: Path) -> Ending | None:
        """How it ended, or None where nothing readable says so."""
        try:
            return cls(**read_json(folder / ENDED))
        except (OSError, ValueError, TypeError):
            return None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a small file; raises OSError or ValueError."""
    if path.stat().st_size > MAX_ORDER_BYTES:
        raise ValueError(f"{path.name} is too large")
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no JSON object")
    return found
