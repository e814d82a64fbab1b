"""Parameters of a method, declared as data: forms, command-line options and checks follow it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from effnet_core.errors import InvalidInput

Value = int | float | str | bool
Kind = Literal["int", "float", "choice", "bool"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter: what a form needs to ask for it and what makes a value acceptable.

    Numbers lie in [`minimum`, `maximum`]; `step` is a form's increment, not a restriction.
    A choice is one of `choices`.
    """

    name: str
    title: str
    kind: Kind
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> Value:
        """The value in its declared type, or InvalidInput with a sentence that names the range."""
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
        elif self.kind == "choice":
            if isinstance(value, str) and value in self.choices:
                return value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            assert self.minimum is not None and self.maximum is not None
            whole = self.kind == "float" or float(value).is_integer()
            if whole and self.minimum <= value <= self.maximum:
                return float(value) if self.kind == "float" else int(value)
        raise InvalidInput(f"{self.title} must be {self.range_words}; got {value!r:.40}.")

    def parse(self, text: str) -> Value:
        """The value that a text (command line, URL) stands for; raises InvalidInput."""
        if self.kind == "bool":
            return self.check({"true": True, "false": False}.get(text.lower(), text))
        if self.kind == "choice":
            return self.check(text)
        try:
            number = float(text)
        except ValueError:
            return self.check(text)
        return self.check(number if math.isfinite(number) else text)

    @property
    def range_words(self) -> str:
        """The acceptable values in words, such as "a whole number from 4 to 128"."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        kind = "a whole number" if self.kind == "int" else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g}"
