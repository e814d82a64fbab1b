"""What a file was taken for, shown to people before anything is computed with it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from effnet_core.architecture.family import Padding
from effnet_core.architecture.outputs import Activation
from effnet_core.images import Preprocessing
from effnet_core.weights.key_names import TITLES, Style
from effnet_core.weights.reading.bundles import Kind


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What was understood of a checkpoint, each with where it comes from.

    `unwrapped` are the dictionaries and prefixes taken off and `ignored` what was left out, in
    words. Where nothing says which architecture it is, `architecture`, `padding`, `bn_eps` and
    `preprocessing` are None and the source says what is missing; `guess` is then the name under
    which its tensors' names and shapes fit, "" if there is none.
    """

    kind: Kind
    trainer: str
    style: Style
    unwrapped: tuple[str, ...]
    architecture: str | None
    architecture_source: str
    padding: Padding | None
    bn_eps: float | None
    classes: tuple[str, ...] = field(repr=False)
    classes_source: str
    preprocessing: Preprocessing | None
    preprocessing_source: str
    activation: Activation
    activation_source: str
    ignored: tuple[str, ...]
    guess: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)

    @property
    def in_words(self) -> tuple[tuple[str, str], ...]:
        """(what, how it was understood), in the order in which people ask."""
        padding = "" if self.padding is None else f"{self.padding}, batch-norm ε {self.bn_eps:g}"
        shown = ", ".join(f"{name:.40}" for name in self.classes[:5])
        names = f"{len(self.classes):,}: {shown}{', …' if len(self.classes) > 5 else ''}"
        fed = "" if self.preprocessing is None else self.preprocessing.in_words
        rows = (
            ("Came as", self.kind),
            ("Written by", self.trainer or "does not tell"),
            ("Names as in", TITLES[self.style]),
            ("Taken off", "; ".join(self.unwrapped) or "nothing"),
            ("Architecture", _with_source(self.architecture or "", self.architecture_source)),
            ("Padding", padding),
            ("Classes", _with_source(names, self.classes_source)),
            ("Preprocessing", _with_source(fed, self.preprocessing_source)),
            ("Answers by", _with_source(self.activation, self.activation_source)),
            ("Left out", "; ".join(self.ignored) or "nothing"),
        )
        return tuple(row for row in rows if row[1])


def _with_source(text: str, source: str) -> str:
    return f"{text} ({source})" if text and source else text or source
