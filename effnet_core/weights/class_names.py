"""Names of classes, wherever they come from: texts that can be shown and saved."""

from __future__ import annotations

from collections.abc import Sequence

from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_CLASS_NAME


def require_names(names: Sequence[str]) -> tuple[str, ...]:
    """The same names; raises InvalidInput for one that is empty, too long or no whole text."""
    for number, name in enumerate(names, start=1):
        if not 1 <= len(name) <= MAX_CLASS_NAME:
            raise InvalidInput(
                f"Class name {number} has {len(name):,} characters; expected 1 to {MAX_CLASS_NAME}."
            )
        try:
            name.encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                f"Class name {number} holds half of a character (a lone surrogate), which cannot "
                "be shown or saved."
            ) from None
    return tuple(names)
